/*
 * Robyn's question: how well can one fit, and how close to the spend can the effects be? Candidates are evolved
 * along the front of both, as multi-objective searches do (Deb et al. 2002), with the single best fit among them.
 */
#include "mmm_search.h"

#include <math.h>
#include <string.h>

#include "generator.h"

#define STREAM_EVOLUTION 100
#define MAX_FRONT 200

/* A member of the front as the search sees it. */
typedef struct Member
{
	double nrmse;
	double rssd;
	double *z;
} Member;

typedef struct Evolution
{
	MmmRidge *ridge;
	const MmmFitOptions *options;
	GeneratorStream stream;
	double *spend_share; /* [channel] */
	double *total;
	double range;
	Member *member; /* by ascending nrmse, hence descending rssd */
	int size;
} Evolution;

static double
rssd_of(const Evolution *e)
{
	int channels = e->ridge->model->data->channels;
	double sum = 0;
	double squares = 0;

	for (int c = 0; c < channels; c++)
		sum += e->total[c];
	for (int c = 0; c < channels; c++)
	{
		double difference = (sum > 0 ? e->total[c] / sum : 0) - e->spend_share[c];

		squares += difference * difference;
	}
	return sqrt(squares);
}

/* Takes the candidate in unless another is at least as good in both; drops those that it beats in both. */
static void
offer(Evolution *e, double nrmse, double rssd, const double *z)
{
	int q = e->ridge->model->transforms;
	int at = 0;
	int beaten;
	double *room;

	while (at < e->size && e->member[at].nrmse <= nrmse)
		at++;
	if (at > 0 && e->member[at - 1].rssd <= rssd)
		return;
	for (beaten = at; beaten < e->size && e->member[beaten].rssd >= rssd; beaten++)
		;
	if (beaten == at)
	{
		if (e->size == MAX_FRONT)
			return;
		room = e->member[e->size++].z;
		memmove(e->member + at + 1, e->member + at, sizeof(Member) * (e->size - 1 - at));
	}
	else
	{
		/* the newcomer takes the first one's place; the rooms of the others go behind the end */
		Member freed[MAX_FRONT];
		int nfreed = beaten - at - 1;

		room = e->member[at].z;
		memcpy(freed, e->member + at + 1, sizeof(Member) * nfreed);
		memmove(e->member + at + 1, e->member + beaten, sizeof(Member) * (e->size - beaten));
		e->size -= nfreed;
		memcpy(e->member + e->size, freed, sizeof(Member) * nfreed);
	}
	memcpy(room, z, sizeof(double) * q);
	e->member[at] = (Member){nrmse, rssd, room};
}

static void
try_point(Evolution *e, const double *z)
{
	double objective = mmm_ridge_evaluate(e->ridge, z, NULL);

	if (!isfinite(objective))
		return;
	mmm_ridge_totals(e->ridge, e->total);
	offer(e, sqrt(mmm_ridge_sse(e->ridge) / (double) e->ridge->n) / e->range, rssd_of(e), z);
}

/* A member with some of its parameters moved, or taken from another member. */
static void
mutate(Evolution *e, double *z)
{
	int q = e->ridge->model->transforms;
	const MmmBox *box = &e->options->box;
	const double *parent = e->member[(int) (generator_uniform(&e->stream) * e->size)].z;
	const double *mate = e->member[(int) (generator_uniform(&e->stream) * e->size)].z;
	double width = 0.3 * pow(generator_uniform(&e->stream), 3);

	for (int k = 0; k < q; k++)
	{
		double draw = generator_uniform(&e->stream);

		z[k] = draw < 0.3 ? mate[k] : parent[k];
		if (draw > 0.6)
			z[k] += width * (2 * generator_uniform(&e->stream) - 1) * (box->high[k] - box->low[k]);
		z[k] = fmin(box->high[k], fmax(box->low[k], z[k]));
	}
}

static void
evolve(Evolution *e)
{
	int q = e->ridge->model->transforms;
	const MmmBox *box = &e->options->box;
	int random = e->options->candidates / 4 + 1;
	double *z = CORE_ALLOC(e->ridge->env, double, q + 1);

	for (int i = 0; i < e->options->candidates; i++)
	{
		if (e->options->progress)
			*e->options->progress = (MmmProgress){"evolving", i + 1, e->options->candidates};
		if (i < random || e->size == 0)
			for (int k = 0; k < q; k++)
				z[k] = box->low[k] + generator_uniform(&e->stream) * (box->high[k] - box->low[k]);
		else
			mutate(e, z);
		try_point(e, z);
		if (i == random && e->size > 0)
		{
			/* the best fit there is, as far as descent can tell */
			memcpy(z, e->member[0].z, sizeof(double) * q);
			mmm_ridge_descend(e->ridge, box, z, 60);
			try_point(e, z);
		}
	}
	core_free(e->ridge->env, z);
}

static void
spend_shares(const MmmModel *model, double *share)
{
	double sum = 0;

	for (int c = 0; c < model->data->channels; c++)
	{
		share[c] = 0;
		for (int g = 0; g < model->data->geos; g++)
			for (int t = 0; t < model->train; t++)
				share[c] += mmm_spend(model->data, g, c)[t];
		sum += share[c];
	}
	for (int c = 0; c < model->data->channels && sum > 0; c++)
		share[c] /= sum;
}

CoreStatus
mmm_pareto(const MmmModel *model, const MmmFitOptions *options, const CoreEnv *env, MmmFront *front)
{
	Evolution e = {.options = options, .stream = generator_stream(options->seed, STREAM_EVOLUTION)};
	int channels = model->data->channels;
	double validation;
	long evaluations = 0;
	MmmRidge ridge;
	CoreStatus status;

	front->penalty = mmm_choose_penalty(model, options, &validation, &evaluations, env);
	status = mmm_ridge_init(&ridge, model, model->train, front->penalty, env);
	if (status != CORE_OK)
		return status;
	e.ridge = &ridge;
	e.range = mmm_kpi_range(model);
	e.spend_share = CORE_ALLOC(env, double, channels);
	e.total = CORE_ALLOC(env, double, channels);
	e.member = CORE_ALLOC(env, Member, MAX_FRONT);
	for (int i = 0; i < MAX_FRONT; i++)
		e.member[i].z = CORE_ALLOC(env, double, model->transforms + 1);
	spend_shares(model, e.spend_share);
	evolve(&e);
	front->size = e.size;
	front->candidate = CORE_ALLOC(env, MmmCandidate, e.size);
	for (int i = 0; i < e.size; i++)
	{
		MmmCandidate *candidate = &front->candidate[i];

		mmm_ridge_evaluate(&ridge, e.member[i].z, NULL);
		candidate->nrmse = e.member[i].nrmse;
		candidate->rssd = e.member[i].rssd;
		candidate->r2 = 1 - mmm_ridge_sse(&ridge) / ridge.total;
		candidate->parameters = CORE_ALLOC(env, double, model->parameters);
		candidate->contribution = CORE_ALLOC(env, double, channels);
		mmm_ridge_parameters(&ridge, e.member[i].z, candidate->parameters);
		mmm_ridge_totals(&ridge, candidate->contribution);
	}
	mmm_ridge_free(&ridge);
	return CORE_OK;
}
