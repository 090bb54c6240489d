/* engine/wave.h - running a planned network.  Local; hot: nothing allocates or fails. */
#ifndef HN_ENGINE_WAVE_H
#define HN_ENGINE_WAVE_H

#include "engine/net.h"

void hn_wave_forward(hn_net *net, const struct hn_exchange *exchange);
void hn_wave_backward(hn_net *net, const struct hn_exchange *exchange);

#endif
