#include "rules.h"

#include <math.h>

#include "credit.h"
#include "progress.h"

static ExactCredit *
alloc_exact(const SummaryView *view, const CoreEnv *env)
{
	return CORE_ALLOC_ZERO(env, ExactCredit, view->nchannels);
}

/* Rounds the channels' integers once, and hands the memory back. */
static void
finish_exact(const SummaryView *view, ExactCredit *earned, const CoreEnv *env, CreditTable *out)
{
	for (uint32_t c = 0; c < view->nchannels; c++)
		out->channel[c] = exact_to_credit(earned[c]);
	out->unattributed = exact_to_credit(exact_unattributed(view));
	core_free(env, earned);
}

void
rule_first_touch(const SummaryView *view, const bool *ignored, const CoreEnv *env, CreditTable *out)
{
	ExactCredit *earned = alloc_exact(view, env);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		uint32_t touch = 0;

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		while (ignored && touch < path->ntouches && ignored[path->touches[touch]])
			touch++;
		progress_made(&progress, 1 + touch);
		if (touch == path->ntouches)
			touch = 0;
		exact_add(&earned[path->touches[touch]], exact_path_credit(path));
	}
	finish_exact(view, earned, env, out);
}

void
rule_last_touch(const SummaryView *view, const bool *ignored, const CoreEnv *env, CreditTable *out)
{
	ExactCredit *earned = alloc_exact(view, env);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		uint32_t passed = 0;

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		while (ignored && passed < path->ntouches && ignored[path->touches[path->ntouches - 1 - passed]])
			passed++;
		progress_made(&progress, 1 + passed);
		if (passed == path->ntouches)
			passed = 0;
		exact_add(&earned[path->touches[path->ntouches - 1 - passed]], exact_path_credit(path));
	}
	finish_exact(view, earned, env, out);
}

void
rule_linear(const SummaryView *view, const CoreEnv *env, CreditTable *out)
{
	ExactCredit *earned = alloc_exact(view, env);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		ExactSplit split;

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		split = exact_split(exact_path_credit(path), path->ntouches);
		for (uint32_t j = 0; j < path->ntouches; j++)
			exact_add(&earned[path->touches[j]], exact_part(&split, j));
		progress_made(&progress, path->ntouches);
	}
	finish_exact(view, earned, env, out);
}

/*
 * Position-based credit is linear in a handful of sums that are integers: what a channel was worth as the
 * only touch, as either of two, as first, last or in the middle of more. The weights come in once, at the
 * end, so a weight of 1e-15 is as exact as one of 0.4.
 */
typedef struct PositionSums
{
	ExactCredit only;
	ExactCredit first_of_two;
	ExactCredit last_of_two;
	ExactCredit first;
	ExactCredit last;
	ExactCredit middle; /* equal parts of what journeys of three and more are worth */
} PositionSums;

typedef struct PositionWeights
{
	double first_of_two; /* the ends alone, renormalised */
	double last_of_two;
	double first;
	double last;
	double middle; /* all middle touches together */
} PositionWeights;

static PositionWeights
position_weights(double first, double last)
{
	double ends = first + last;
	PositionWeights weights = {.first = first, .last = last, .middle = fmax(0, 1 - ends)};

	weights.first_of_two = first_of_two(first, last);
	weights.last_of_two = first_of_two(last, first);
	return weights;
}

static void
add_positions(PositionSums *sums, const SummaryPath *path)
{
	ExactCredit whole = exact_path_credit(path);
	uint32_t last = path->ntouches - 1;
	const uint32_t *touches = path->touches;
	ExactSplit split;

	if (last == 0)
		exact_add(&sums[touches[0]].only, whole);
	else if (last == 1)
	{
		exact_add(&sums[touches[0]].first_of_two, whole);
		exact_add(&sums[touches[1]].last_of_two, whole);
	}
	else
	{
		exact_add(&sums[touches[0]].first, whole);
		exact_add(&sums[touches[last]].last, whole);
		split = exact_split(whole, last - 1);
		for (uint32_t j = 1; j < last; j++)
			exact_add(&sums[touches[j]].middle, exact_part(&split, j - 1));
	}
}

static Credit
weigh_positions(const PositionSums *sums, const PositionWeights *weights)
{
	const ExactCredit *sum[] = {&sums->only,  &sums->first_of_two, &sums->last_of_two,
								&sums->first, &sums->last,		   &sums->middle};
	double weight[] = {
		1, weights->first_of_two, weights->last_of_two, weights->first, weights->last, weights->middle};
	Credit total = {0, 0};

	for (size_t i = 0; i < sizeof(weight) / sizeof(weight[0]); i++)
	{
		Credit credit = exact_to_credit(*sum[i]);

		total.conversions += weight[i] * credit.conversions;
		total.value += weight[i] * credit.value;
	}
	return total;
}

void
rule_position_based(const SummaryView *view, double first, double last, const CoreEnv *env, CreditTable *out)
{
	PositionSums *sums = CORE_ALLOC_ZERO(env, PositionSums, view->nchannels);
	PositionWeights weights = position_weights(first, last);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		add_positions(sums, path);
		progress_made(&progress, path->ntouches);
	}
	for (uint32_t c = 0; c < view->nchannels; c++)
		out->channel[c] = weigh_positions(&sums[c], &weights);
	out->unattributed = exact_to_credit(exact_unattributed(view));
	core_free(env, sums);
}

/*
 * ratio^j for j touches before the last, and 1 / (1 + ratio + ... + ratio^(n-1)) for each length n. Powers
 * that underflow belong to touches whose credit is below any float8.
 */
typedef struct DecayTable
{
	double *power;
	double *norm; /* norm[n - 1] is for n touches */
} DecayTable;

static DecayTable
decay_table(double ratio, uint32_t longest, const CoreEnv *env)
{
	DecayTable table = {CORE_ALLOC(env, double, longest), CORE_ALLOC(env, double, longest)};
	CompensatedSum sum = {0, 0};
	Progress progress = {env, 0};

	for (uint32_t j = 0; j < longest; j++)
	{
		table.power[j] = pow(ratio, j);
		compensated_add(&sum, table.power[j]);
		table.norm[j] = 1 / compensated_value(sum);
		progress_made(&progress, 16);
	}
	return table;
}

void
rule_position_decay(const SummaryView *view, double ratio, const CoreEnv *env, CreditTable *out)
{
	CompensatedSum *conversions = CORE_ALLOC_ZERO(env, CompensatedSum, view->nchannels);
	CompensatedSum *value = CORE_ALLOC_ZERO(env, CompensatedSum, view->nchannels);
	DecayTable table = decay_table(ratio, view->longest_path, env);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		Credit whole;

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		whole = exact_to_credit(exact_path_credit(path));
		whole.conversions *= table.norm[path->ntouches - 1];
		whole.value *= table.norm[path->ntouches - 1];
		for (uint32_t j = 0; j < path->ntouches; j++)
		{
			uint32_t channel = path->touches[j];
			double power = table.power[path->ntouches - 1 - j];

			compensated_add(&conversions[channel], whole.conversions * power);
			compensated_add(&value[channel], whole.value * power);
		}
		progress_made(&progress, 4 * (size_t) path->ntouches);
	}
	for (uint32_t c = 0; c < view->nchannels; c++)
		out->channel[c] = (Credit){compensated_value(conversions[c]), compensated_value(value[c])};
	out->unattributed = exact_to_credit(exact_unattributed(view));
	core_free(env, table.power);
	core_free(env, table.norm);
	core_free(env, conversions);
	core_free(env, value);
}

void
rule_time_decay(const SummaryView *view, const CoreEnv *env, CreditTable *out)
{
	ExactCredit *earned = alloc_exact(view, env);
	Progress progress = {env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		if (path->ndecay == 0) /* a single distinct channel */
			exact_add(&earned[path->touches[0]], exact_path_credit(path));
		for (uint32_t j = 0; j < path->ndecay; j++)
			exact_add(&earned[path->decay[j].channel],
					  (ExactCredit){path->decay[j].conversions, path->decay[j].value});
		progress_made(&progress, 1 + path->ndecay);
	}
	finish_exact(view, earned, env, out);
}
