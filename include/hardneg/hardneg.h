/* hardneg/hardneg.h - all of libhardneg, for programs that use it; each header also stands alone.
 *
 * `pkg-config --cflags --libs hardneg` tells how to compile and link (README, "For other programs"). */
#ifndef HARDNEG_HARDNEG_H
#define HARDNEG_HARDNEG_H

#include "hardneg/augment.h"
#include "hardneg/backend.h"
#include "hardneg/base.h"
#include "hardneg/ckpt.h"
#include "hardneg/comm.h"
#include "hardneg/config.h"
#include "hardneg/data.h"
#include "hardneg/engine.h"
#include "hardneg/eval.h"
#include "hardneg/loss.h"
#include "hardneg/model.h"
#include "hardneg/optim.h"
#include "hardneg/train.h"

#endif
