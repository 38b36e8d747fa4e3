/*
 * The arguments that mmm_fit and mmm_candidates share, in the order of their SQL declaration.
 */
#ifndef ATTRIB_MMM_ARGUMENTS_H
#define ATTRIB_MMM_ARGUMENTS_H

#include "mmm_value.h"

#include "core/mmm_bayes.h"

typedef struct MmmRequest
{
	bool candidates; /* set beforehand: they are ridge fits, whatever the method */
	MmmValue value;	 /* all but the fit */
	MmmFitOptions ridge;
	MmmBeliefs beliefs; /* of method bayes, as is what follows */
	MmmBayesOptions bayes;
	int workers; /* at most; -1: as the server allows */
} MmmRequest;

/*
 * Everything but the fit itself; 22023 and its kin for whatever makes no sense together. Some of request->ridge is
 * set beforehand: what the function takes unless told otherwise.
 */
extern void mmm_fit_arguments(FunctionCallInfo fcinfo, MmmRequest *request);

#endif
