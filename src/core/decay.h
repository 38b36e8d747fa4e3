/*
 * Clock decay: how one conversion is shared among its touches by their age.
 */
#ifndef ATTRIB_DECAY_H
#define ATTRIB_DECAY_H

#include "core.h"

/* 2^-x for x >= 0, to a few units in the last place, and the same digits on every machine. */
extern double decay_factor(double x);

/*
 * weight[i] is 2^(-(at[n-1] - at[i]) / half_life), normalised, in units of 2^-60; they add up to exactly 2^60.
 * Times in microseconds, ascending; n >= 1, half_life > 0. Ages are counted from the last touch, so that
 * nothing underflows however long before the conversion it was.
 */
extern void decay_weights(const int64_t *at, size_t n, int64_t half_life, uint64_t *weight);

#endif
