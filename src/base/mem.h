/* base/mem.h - counted memory, checked sizes, and the carver.
 *
 * Local.  Blocks are aligned to HN_ALIGN bytes; the number of live blocks is
 * counted, so a test can ask for zero at the end and for no growth in a step. */
#ifndef HN_BASE_MEM_H
#define HN_BASE_MEM_H

#include "hardneg/base.h"

#define HN_ALIGN 64

/* Zeroed, or NULL with the sentence recorded (status HN_ENOMEM). hn_calloc
 * checks count * size.  hn_free takes NULL. */
void *hn_zalloc(size_t bytes);
void *hn_calloc(size_t count, size_t size);
char *hn_strdup(const char *text);
void hn_free(void *block);
size_t hn_live_blocks(void);
size_t hn_live_bytes(void);   /* of the live blocks, with the allocator's rounding */
size_t hn_total_blocks(void); /* allocated since the start: constant over a step that allocates nothing */

/* *product = a * b (or *sum = a + b); false on overflow. */
bool hn_mul(size_t *product, size_t a, size_t b);
bool hn_add(size_t *sum, size_t a, size_t b);
size_t hn_round_up(size_t n, size_t multiple);

/* Many arrays from one block.  A layout function runs twice: first on a zeroed
 * carver, which counts; then, after hn_carver_start(), to hand out pointers.
 * While it counts, hn_carve returns NULL.  An overflow makes bytes SIZE_MAX,
 * for which hn_carver_start fails.  The block is zeroed.  Debug builds see to it
 * that the second run takes no more than the first counted. */
typedef struct {
    char *block;
    size_t bytes; /* counted, or handed out */
    size_t room;  /* of the block that was started; 0: the block is somebody else's */
} hn_carver;
void *hn_carve(hn_carver *c, size_t size, size_t count);
hn_status hn_carver_start(hn_carver *c, void **block, const char *what);

#endif
