/*
 * The arguments that mmm_fit and mmm_candidates share, in the order of their SQL declaration.
 */
#ifndef ATTRIB_MMM_ARGUMENTS_H
#define ATTRIB_MMM_ARGUMENTS_H

#include "mmm_value.h"

/* Everything but the fit itself; 22023 and its kin for whatever makes no sense together. */
extern void mmm_fit_arguments(FunctionCallInfo fcinfo, MmmValue *value, MmmFitOptions *options);

#endif
