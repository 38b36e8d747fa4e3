/*
 * Markov removal effects of any order, computed exactly.
 */
#ifndef ATTRIB_MARKOV_H
#define ATTRIB_MARKOV_H

#include "markov_chain.h"

typedef struct MarkovResult
{
	bool known;					  /* false: no matured conversion, every removal_effect is NULL */
	bool value_known;			  /* false: no matured value, every removal_effect_value is NULL */
	double *removal_effect;		  /* per channel */
	double *removal_effect_value; /* per channel */
	CreditTable credit;
} MarkovResult;

/* Allocates the result's arrays from env. order >= 1. */
extern CoreStatus markov_removal(const SummaryView *view, int order, bool collapse_repeats,
								 const CoreEnv *env, MarkovResult *result);

/* The same of a chain already built; of the view only the totals and the empty path are read. */
extern CoreStatus markov_chain_removal(const SummaryView *view, const MarkovChain *chain, const CoreEnv *env,
									   MarkovResult *result);

#endif
