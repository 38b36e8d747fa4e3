#include "bootstrap.h"

#include <math.h>

void
bootstrap_store(BootstrapResult *result, int r, const Credit *credit, double conversions)
{
	for (uint32_t c = 0; c < result->ncolumns; c++)
	{
		size_t place = (size_t) c * (size_t) result->replicates + (size_t) r;

		result->replicate[BOOTSTRAP_CONVERSIONS][place] = credit[c].conversions;
		result->replicate[BOOTSTRAP_VALUE][place] = credit[c].value;
		result->replicate[BOOTSTRAP_SHARE][place] =
			conversions > 0 ? credit[c].conversions / conversions : NAN;
	}
}

CoreStatus
bootstrap_run(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
			  BootstrapResult *result)
{
	if (options->replicates < 1 || options->replicates > BOOTSTRAP_MAX_REPLICATES ||
		options->markov_order < 0)
		return CORE_BAD_INPUT;
	*result = (BootstrapResult){.ncolumns = view->nchannels + 1, .replicates = options->replicates};
	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
	{
		size_t size;

		if (__builtin_mul_overflow((size_t) result->ncolumns, (size_t) options->replicates, &size))
			return CORE_TOO_LARGE;
		result->replicate[q] = CORE_ALLOC(env, double, size);
		if (options->accelerate)
			result->acceleration[q] = CORE_ALLOC_ZERO(env, double, result->ncolumns);
	}
	switch (options->kind)
	{
		case BOOTSTRAP_LINEAR:
			bootstrap_linear(view, options, env, result);
			return CORE_OK;
		case BOOTSTRAP_BY_SET:
			return bootstrap_by_set(view, options, env, result);
		case BOOTSTRAP_BY_CHAIN:
			return bootstrap_by_chain(view, options, env, result);
	}
	return CORE_BAD_INPUT;
}
