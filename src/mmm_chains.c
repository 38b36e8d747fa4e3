/*
 * Chains of a Bayesian fit: run, and judged.
 */
#include "mmm_chains.h"

#include <math.h>

static void
no_spend(const MmmRequest *request, int channel)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("priors of \"%s\": a channel without spend or exposure in the training has no roi",
						   request->value.data->channel_name[channel]),
					errhint("Give its coefficient a prior.")));
}

static void
chain_failed(int chain, const MmmChain *result)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("chain %d of the fit: %s", chain + 1, nuts_failure_text(result->failure)),
			 errhint("Priors that hold values which the data exclude, or that reach beyond any number, "
					 "do this: narrow them.")));
}

/* One line on what is wrong with the draws, for each thing that is. */
static void
warn(const MmmRequest *request)
{
	const MmmFit *fit = &request->value.fit;
	double rhat = 0;
	double ess = fit->draws; /* where there are too few to say more */

	for (int k = 0; k < request->value.model.parameters; k++)
	{
		rhat = fmax(rhat, fit->marginal[k].rhat);
		ess = fmin(ess, fmin(fit->marginal[k].ess_bulk, fit->marginal[k].ess_tail));
	}
	if (rhat > MMM_MAX_RHAT)
		ereport(WARNING, (errmsg("the chains disagree: R-hat reaches %.3f, more than %g", rhat, MMM_MAX_RHAT),
						  errhint("Take more warmup and draws, or narrower priors; see mmm_parameters.")));
	if (ess < MMM_MIN_ESS)
		ereport(WARNING, (errmsg("the draws are few: the least effective sample size is %.0f, below %d", ess,
								 MMM_MIN_ESS),
						  errhint("Take more draws; see mmm_parameters.")));
	if (fit->sampling.divergences > 0)
		ereport(WARNING,
				(errmsg("%.0f of %d draws ended in divergences", fit->sampling.divergences, fit->draws),
				 errhint("Raise extra => '{\"target_accept\": 0.99}', or narrow the priors.")));
}

void
mmm_chains_prepare(MmmChains *chains, const MmmRequest *request, const CoreEnv *env)
{
	int channel;

	chains->request = request;
	if (mmm_posterior_init(&chains->posterior, &request->value.model, &request->beliefs, env, &channel) ==
		MMM_POSTERIOR_NO_SPEND)
		no_spend(request, channel);
}

bool
mmm_chains_run(MmmChains *chains, int number)
{
	const MmmBayesOptions *options = &chains->request->bayes;
	Size each = (Size) options->draws * chains->request->value.model.parameters;

	return mmm_chain_run(&chains->posterior, options, number, chains->draw + number * each,
						 &chains->chain[number]) == CORE_OK;
}

void
mmm_bayes_fit(FunctionCallInfo fcinfo, MmmRequest *request, const CoreEnv *env)
{
	const MmmModel *model = &request->value.model;
	const MmmBayesOptions *options = &request->bayes;
	Size numbers = (Size) options->chains * options->draws * model->parameters;
	MmmChains chains;

	if (numbers > MaxAllocSize / sizeof(double))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%d chains of %d draws of %d parameters would take more than 1 GB",
							   options->chains, options->draws, model->parameters),
						errhint("Keep fewer draws.")));
	mmm_chains_prepare(&chains, request, env);
	chains.draw = palloc_extended(sizeof(double) * numbers, MCXT_ALLOC_HUGE);
	chains.chain = palloc0(sizeof(MmmChain) * options->chains);
	if (!mmm_chains_run_parallel(fcinfo, &chains))
		for (int c = 0; c < options->chains; c++)
			if (!mmm_chains_run(&chains, c))
				break;
	for (int c = 0; c < options->chains; c++)
		if (chains.chain[c].failure != NUTS_FINE)
			chain_failed(c, &chains.chain[c]);
	attrib_check_status(
		mmm_bayes_summarize(&chains.posterior, options, chains.chain, chains.draw, env, &request->value.fit),
		"mmm_fit");
	warn(request);
}
