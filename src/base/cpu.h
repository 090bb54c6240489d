/* base/cpu.h - what the processor is: part of a run's identity.  Local. */
#ifndef HN_BASE_CPU_H
#define HN_BASE_CPU_H

/* "AMD EPYC 7763 (avx2 fma)": the model's name and the instruction sets that decide kernels.  Main thread
 * first. */
const char *hn_cpu_describe(void);

#endif
