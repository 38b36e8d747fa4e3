/*
 * What the functions that resample a summary share: how their arguments become a bootstrap.
 */
#ifndef ATTRIB_EVIDENCE_H
#define ATTRIB_EVIDENCE_H

#include "core/bootstrap.h"
#include "models.h"

/* A model and how to resample it, as (model, replicates, level, seed, options) say. */
typedef struct EvidenceRequest
{
	AttributionModel model;
	ModelOptions options;
	IntervalMethod method;
	int replicates;
	double level;
	uint64 seed;
} EvidenceRequest;

/* Reads those five arguments from number `argno` on; `method` is the one where options name none. */
extern EvidenceRequest evidence_request(FunctionCallInfo fcinfo, int argno, IntervalMethod method);

/* The model's answer; 22023 where a Shapley rate game has none. */
extern CreditTable evidence_estimate(const SummaryView *view, const EvidenceRequest *request);

extern BootstrapResult evidence_bootstrap(const SummaryView *view, const EvidenceRequest *request,
										  uint64 seed);

/* Sorted, without the replicates that drew no conversion to have a share of; returns how many are left. */
extern size_t evidence_sort_replicates(double *values, size_t n);

#endif
