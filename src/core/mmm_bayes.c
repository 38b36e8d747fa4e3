#include "mmm_bayes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mcmc.h"
#include "mmm_stages.h"
#include "psis.h"

/* Draws of the prior for moments that no formula gives. */
#define PRIOR_DRAWS 2000
/* Log likelihoods held at once; beyond, draws are skipped evenly. */
#define MOST_LOG_LIKELIHOODS ((size_t) 1 << 24)
#define SHARE_LEVEL 0.9

enum
{
	STREAM_START = 1,
	STREAM_BASE,
	STREAM_PRIOR,
	STREAMS
};

/* Streams of the model do not meet those of the sampler, which counts its own by chain. */
static RandomStream
stream_of(uint64_t seed, int purpose, int chain)
{
	return random_stream(~seed, (uint64_t) chain * STREAMS + purpose);
}

typedef struct ChainProgress
{
	MmmProgress *progress;
	int chain;
	int chains;
} ChainProgress;

static void
chain_progress(void *arg, int done, int total, bool divergent)
{
	ChainProgress *p = arg;

	(void) divergent;
	if (!p->progress)
		return;
	p->progress->stage = "sampling";
	p->progress->done = (long) p->chain * total + done;
	p->progress->total = (long) p->chains * total;
}

/* A start whose density is finite; false if the priors' own middle has none. */
static bool
find_start(MmmPosterior *posterior, uint64_t seed, int chain, double *start, double *gradient)
{
	RandomStream stream = stream_of(seed, STREAM_START, chain);

	for (int tries = 0; tries < NUTS_START_TRIES; tries++)
	{
		bool finite;

		mmm_posterior_start(posterior, &stream, start);
		finite = isfinite(mmm_posterior_log_density(posterior, start, gradient));
		for (int k = 0; k < posterior->dim; k++)
			finite = finite && isfinite(gradient[k]);
		if (finite)
			return true;
	}
	return false;
}

CoreStatus
mmm_chain_run(MmmPosterior *posterior, const MmmBayesOptions *options, int chain, double *draw,
			  MmmChain *result)
{
	const CoreEnv *env = posterior->env;
	int dim = posterior->dim;
	double *start = CORE_ALLOC(env, double, 2 * (size_t) dim);
	ChainProgress progress = {options->progress, chain, options->chains};
	NutsTarget target = {dim, posterior, mmm_posterior_log_density};
	NutsOptions nuts = NUTS_DEFAULTS;
	RandomStream stream = stream_of(options->seed, STREAM_BASE, chain);
	CoreStatus status;
	NutsRun run;

	memset(result, 0, sizeof(*result));
	result->failure = NUTS_NO_START;
	if (!find_start(posterior, options->seed, chain, start, start + dim))
	{
		core_free(env, start);
		return CORE_NUMERIC;
	}
	nuts.warmup = options->warmup;
	nuts.draws = options->draws;
	nuts.seed = options->seed;
	nuts.chain = (uint64_t) chain;
	nuts.target_accept = options->target_accept;
	nuts.max_depth = options->max_depth;
	nuts.dense = dim <= MMM_DENSE_DIM;
	nuts.start = start;
	nuts.progress = chain_progress;
	nuts.progress_arg = &progress;
	status = nuts_run(&target, &nuts, env, &run);
	result->failure = run.failure;
	if (status == CORE_OK)
	{
		for (int d = 0; d < run.draws; d++)
			mmm_posterior_parameters(posterior, run.draw + (size_t) d * dim, &stream,
									 draw + (size_t) d * posterior->model->parameters);
		result->divergences = run.divergences;
		result->stopped = run.stopped;
		result->leapfrogs = run.leapfrogs + run.warmup_leapfrogs;
		result->ebfmi = run.ebfmi;
		result->step = run.step;
		nuts_free(&run, env);
	}
	core_free(env, start);
	return status;
}

double
mmm_contraction(const MmmMarginal *marginal, double posterior_sd)
{
	double share = posterior_sd / marginal->prior_sd;

	return isfinite(marginal->prior_sd) && marginal->prior_sd > 0 ? 1 - share * share : NAN;
}

/* Figures are stored as numbers: what is infinite is beyond every threshold, or unknown. */
static double
storable(double figure)
{
	return isinf(figure) ? copysign(1e9, figure) : figure;
}

static double
known(double moment)
{
	return isinf(moment) ? NAN : moment;
}

/* Coefficients implied by ROI have no prior of their own: its moments are those of draws. */
static void
implied_moments(MmmPosterior *p, uint64_t seed, MmmMarginal *marginal)
{
	const MmmModel *m = p->model;
	RandomStream stream = stream_of(seed, STREAM_PRIOR, 0);
	double *q = CORE_ALLOC(p->env, double, 2 * (size_t) p->dim + 2 * (size_t) m->data->channels);
	double *mean = q + 2 * p->dim;
	double *squares = mean + m->data->channels;
	int n = 0;

	memset(mean, 0, sizeof(double) * 2 * m->data->channels);
	for (int draw = 0; draw < PRIOR_DRAWS; draw++)
	{
		memset(q, 0, sizeof(double) * p->dim);
		for (int k = 0; k < p->mapped; k++)
			q[k] = line_from_interval(&p->coordinate[k].map, prior_draw(p->coordinate[k].prior, &stream));
		if (!isfinite(mmm_posterior_log_density(p, q, q + p->dim)))
			continue;
		n++;
		for (int c = 0; c < m->data->channels; c++)
		{
			double step = p->parameters[m->transforms + c] - mean[c];

			mean[c] += step / n;
			squares[c] += step * (p->parameters[m->transforms + c] - mean[c]);
		}
	}
	for (int c = 0; c < m->data->channels; c++)
		if (p->beliefs->roi[c])
		{
			marginal[m->transforms + c].prior_mean = n > 1 ? mean[c] : NAN;
			marginal[m->transforms + c].prior_sd = n > 1 ? sqrt(squares[c] / (n - 1)) : NAN;
		}
	core_free(p->env, q);
}

static void
prior_moments(MmmPosterior *p, uint64_t seed, MmmMarginal *marginal)
{
	const MmmModel *m = p->model;
	bool implied = false;

	for (int k = 0; k < m->parameters; k++)
	{
		marginal[k].prior_mean = known(prior_mean(&p->beliefs->prior[k]));
		marginal[k].prior_sd = known(prior_sd(&p->beliefs->prior[k]));
	}
	/* of geos' own coefficients the hierarchy is the prior; or common ones are none of the model's */
	for (int c = 0; m->by_geo >= 0 && c < m->data->channels; c++)
	{
		for (int g = 0; g < m->data->geos; g++)
			marginal[m->by_geo + g * m->data->channels + c] =
				p->pooled ? (MmmMarginal){.prior_mean = NAN, .prior_sd = NAN} : marginal[m->transforms + c];
		if (!p->pooled)
			marginal[m->transforms + c] = marginal[m->geo_sd + c] =
				(MmmMarginal){.prior_mean = NAN, .prior_sd = NAN};
	}
	if (m->nu >= 0 && !isnan(p->beliefs->fixed_nu))
	{
		marginal[m->nu].prior_mean = p->beliefs->fixed_nu;
		marginal[m->nu].prior_sd = 0;
	}
	for (int c = 0; c < m->data->channels; c++)
		implied = implied || p->beliefs->roi[c];
	if (implied)
		implied_moments(p, seed, marginal);
}

/* Means of the draws, and how well each is known. */
static void
summarize_parameters(const MmmBayesOptions *options, const MmmModel *model, const CoreEnv *env, MmmFit *fit)
{
	double *value = CORE_ALLOC(env, double, fit->draws);
	McmcDraws draws = {options->chains, options->draws, value};

	for (int k = 0; k < model->parameters; k++)
	{
		McmcSummary summary;

		core_check(env);
		for (int c = 0; c < options->chains; c++)
			mcmc_gather(fit->draw + (size_t) c * options->draws * model->parameters, options->draws,
						model->parameters, k, value + (size_t) c * options->draws);
		mcmc_summary(&draws, env, &summary);
		fit->parameters[k] = summary.mean;
		fit->marginal[k].rhat = storable(summary.rhat);
		fit->marginal[k].ess_bulk = summary.ess_bulk;
		fit->marginal[k].ess_tail = summary.ess_tail;
		fit->marginal[k].mcse = summary.mcse_mean;
	}
	core_free(env, value);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Each observation's log likelihood and each channel's share of the media effect, draw by draw. */
static void
evaluate_draws(MmmPosterior *p, const MmmFit *fit, int every, int n, double *log_likelihood, double *share)
{
	const MmmModel *m = p->model;
	const MmmData *data = m->data;
	int components = mmm_components(m);
	double *parts = CORE_ALLOC(p->env, double, (size_t) components * data->periods);
	double *predicted = CORE_ALLOC(p->env, double, data->periods);
	double *first = log_likelihood;

	memset(share, 0, sizeof(double) * n * data->channels);
	for (int g = 0; g < data->geos; g++)
	{
		MmmGeoColumns columns = mmm_geo_columns(m, data, 0, g, p->env);
		size_t seen = 0;

		for (int d = 0; d < n; d++)
		{
			const double *parameters = fit->draw + (size_t) d * every * m->parameters;

			mmm_geo_contributions(&columns, parameters, parts, p->env);
			memset(predicted, 0, sizeof(double) * data->periods);
			for (int k = 0; k < components; k++)
				for (int t = 0; t < m->train; t++)
				{
					predicted[t] += parts[k * data->periods + t];
					if (k < data->channels)
						share[(size_t) k * n + d] += parts[k * data->periods + t];
				}
			seen = mmm_posterior_pointwise(p, g, predicted, parameters, first + (size_t) d * p->observed);
		}
		first += seen;
		mmm_geo_columns_free(&columns, p->env);
	}
	for (int d = 0; d < n; d++)
	{
		double all = 0;

		for (int c = 0; c < data->channels; c++)
			all += share[(size_t) c * n + d];
		for (int c = 0; c < data->channels && all > 0; c++)
			share[(size_t) c * n + d] /= all;
	}
	core_free(p->env, parts);
	core_free(p->env, predicted);
}

static CoreStatus
score_draws(MmmPosterior *p, const CoreEnv *env, MmmFit *fit)
{
	int every = (int) ((size_t) fit->draws * p->observed / MOST_LOG_LIKELIHOODS) + 1;
	int n = (fit->draws + every - 1) / every;
	double *log_likelihood = CORE_ALLOC(env, double, n * p->observed);
	double *share = CORE_ALLOC(env, double, (size_t) n * p->model->data->channels);
	double efficiency = 1;
	CoreStatus status;
	PsisLoo loo;

	evaluate_draws(p, fit, every, n, log_likelihood, share);
	for (int c = 0; c < p->model->data->channels; c++)
	{
		double *s = share + (size_t) c * n;

		qsort(s, n, sizeof(double), by_value);
		fit->share_low[c] = s[(int) ((1 - SHARE_LEVEL) / 2 * (n - 1))];
		fit->share_high[c] = s[(int) ((1 + SHARE_LEVEL) / 2 * (n - 1))];
	}
	for (int k = 0; k < p->model->parameters; k++)
		if (fit->marginal[k].ess_bulk > 0)
			efficiency = fmin(efficiency, fit->marginal[k].ess_bulk / fit->draws);
	/* draws of the priors predict nothing */
	status = p->beliefs->prior_only ? CORE_BAD_INPUT
									: psis_loo(log_likelihood, n, (int) p->observed, efficiency, env, &loo);
	if (status == CORE_OK)
	{
		fit->sampling.elpd_loo = loo.elpd;
		fit->sampling.elpd_loo_se = loo.se;
		fit->sampling.p_loo = loo.p;
		fit->sampling.pareto_k = storable(loo.worst_k);
		fit->sampling.bad_pareto_k = loo.bad;
		fit->sampling.pareto_threshold = loo.threshold;
		psis_free(&loo, env);
	}
	core_free(env, log_likelihood);
	core_free(env, share);
	return status == CORE_BAD_INPUT ? CORE_OK : status;
}

CoreStatus
mmm_bayes_summarize(MmmPosterior *posterior, const MmmBayesOptions *options, const MmmChain *chain,
					double *draw, const CoreEnv *env, MmmFit *fit)
{
	const MmmModel *m = posterior->model;
	MmmSampling *s = &fit->sampling;

	memset(fit, 0, sizeof(*fit));
	fit->penalty = fit->validation_nrmse = fit->kkt = NAN;
	fit->chains = options->chains;
	fit->draws = options->chains * options->draws;
	fit->draw = draw;
	fit->parameters = CORE_ALLOC(env, double, m->parameters);
	fit->marginal = CORE_ALLOC(env, MmmMarginal, m->parameters);
	fit->share_low = CORE_ALLOC(env, double, m->data->channels);
	fit->share_high = CORE_ALLOC(env, double, m->data->channels);
	s->ebfmi = INFINITY;
	s->elpd_loo = s->elpd_loo_se = s->p_loo = s->pareto_k = s->bad_pareto_k = s->pareto_threshold = NAN;
	s->prior_only = posterior->beliefs->prior_only;
	for (int c = 0; c < options->chains; c++)
	{
		s->divergences += chain[c].divergences;
		s->stopped += chain[c].stopped;
		s->ebfmi = fmin(s->ebfmi, chain[c].ebfmi);
		s->step += chain[c].step / options->chains;
		fit->evaluations += (long) chain[c].leapfrogs;
	}
	prior_moments(posterior, options->seed, fit->marginal);
	summarize_parameters(options, m, env, fit);
	return score_draws(posterior, env, fit);
}
