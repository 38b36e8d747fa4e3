/*
 * The Bayesian fit on the PostgreSQL side.
 */
#ifndef ATTRIB_MMM_CHAINS_H
#define ATTRIB_MMM_CHAINS_H

#include "mmm_arguments.h"

/* Fills request->value.fit; WARNINGs where the chains are not to be relied on. */
extern void mmm_bayes_fit(MmmRequest *request, const CoreEnv *env);

#endif
