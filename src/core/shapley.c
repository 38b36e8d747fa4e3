#include "shapley.h"

#include "channel_sets.h"
#include "credit.h"
#include "shapley_rate.h"

/*
 * v(S) = conversions within S is the sum over observed sets T of r(T) [T within S], and the value of each
 * such unanimity game is 1/|T| to every channel of T (Zhao et al. 2018).
 */
static void
conversions_game(const SummaryView *view, const CoreEnv *env, ShapleyResult *result)
{
	ExactCredit *earned = CORE_ALLOC_ZERO(env, ExactCredit, view->nchannels);
	DistinctScan scan = distinct_scan_alloc(view->nchannels, view->longest_path, env);
	Progress progress = {env, 0};
	ExactCredit nowhere = exact_unattributed(view);

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		ExactSplit split;

		if (path->ntouches == 0 || !path_earns(path))
			continue;
		distinct_scan_path(&scan, path->touches, path->ntouches);
		split = exact_split(exact_path_credit(path), scan.nchannels);
		for (uint32_t j = 0; j < scan.nchannels; j++)
			exact_add(&earned[scan.channels[j]], exact_part(&split, j));
		progress_made(&progress, 2 * (size_t) path->ntouches);
	}
	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		result->credit.channel[c] = exact_to_credit(earned[c]);
		result->phi[c] = result->credit.channel[c].conversions;
	}
	result->credit.unattributed = exact_to_credit(nowhere);
	result->grand =
		exact_to_credit(
			(ExactCredit){((fixed128) view->conversions << DECAY_FRACTION_BITS) - nowhere.conversions, 0})
			.conversions;
	distinct_scan_free(&scan, env);
	core_free(env, earned);
}

/* 1 / C(n, k), 0 where that underflows. */
static double
inverse_choose(uint32_t n, uint32_t k)
{
	double inverse = 1;

	if (k > n - k)
		k = n - k;
	for (uint32_t j = 1; j <= k && inverse > 0; j++)
		inverse *= (double) j / (double) (n - k + j);
	return inverse;
}

/*
 * v is non-zero at the observed sets alone, and the value of the game that is 1 at T and 0 elsewhere is
 * (t-1)!(n-t)!/n! to the channels of T and -t!(n-t-1)!/n! to the others, t = |T|, n all channels: a channel
 * no matured journey visited turns every coalition it joins into an unseen one, so it loses. As in
 * weigh_rates(), the others' share is taken from everyone first.
 */
static void
exact_rate_game(uint32_t n, const ChannelSets *sets, const CoreEnv *env, ShapleyResult *result)
{
	CompensatedSum *gained = CORE_ALLOC_ZERO(env, CompensatedSum, n);
	CompensatedSum lost = {0, 0};
	Progress progress = {env, 0};

	for (size_t i = 0; i < sets->nsets; i++)
	{
		const ChannelSet *set = &sets->sets[i];
		uint32_t t = set->nchannels;
		double v = (double) set->conversions / (double) set->journeys;
		double gain;

		if (t == n)
		{
			result->grand = v;
			gain = v / n;
		}
		else
		{
			gain = v * inverse_choose(n - 2, t - 1) / (n - 1);
			compensated_add(&lost, -v * inverse_choose(n - 1, t) / n);
		}
		for (uint32_t j = 0; j < t; j++)
			compensated_add(&gained[set->channels[j]], gain);
		progress_made(&progress, 8 * (size_t) t);
	}
	for (uint32_t c = 0; c < n; c++)
	{
		compensated_add(&gained[c], lost.sum);
		compensated_add(&gained[c], lost.lost);
		result->phi[c] = compensated_value(gained[c]);
	}
	core_free(env, gained);
}

/* Renames the sets' channels to players; returns how many there are. player[c] is UINT32_MAX for none. */
static uint32_t
number_players(ChannelSets *sets, uint32_t *player, uint32_t nchannels, Progress *progress)
{
	uint32_t nplayers = 0;
	uint32_t *member = sets->members;

	for (uint32_t c = 0; c < nchannels; c++)
		player[c] = UINT32_MAX;
	for (size_t i = 0; i < sets->nsets; i++)
	{
		for (uint32_t j = 0; j < sets->sets[i].nchannels; j++)
			player[sets->sets[i].channels[j]] = 0;
		progress_made(progress, sets->sets[i].nchannels);
	}
	for (uint32_t c = 0; c < nchannels; c++)
	{
		if (player[c] == 0)
			player[c] = nplayers++;
	}
	for (size_t i = 0; i < sets->nsets; i++)
	{
		for (uint32_t j = 0; j < sets->sets[i].nchannels; j++, member++)
			*member = player[*member];
		progress_made(progress, sets->sets[i].nchannels);
	}
	return nplayers;
}

static CoreStatus
rate_game(const SummaryView *view, ChannelSets *sets, const ShapleyOptions *options, const CoreEnv *env,
		  ShapleyResult *result)
{
	Progress progress = {env, 0};
	uint32_t *player = CORE_ALLOC(env, uint32_t, view->nchannels);
	uint32_t nplayers = number_players(sets, player, view->nchannels, &progress);
	RateGame game = {sets, nplayers};
	double *phi = CORE_ALLOC_ZERO(env, double, nplayers);
	double *std_error = NULL;
	int64_t conversions = 0;
	int64_t journeys = 0;
	CoreStatus status = CORE_OK;

	for (size_t i = 0; i < sets->nsets; i++)
	{
		conversions += sets->sets[i].conversions;
		journeys += sets->sets[i].journeys;
	}
	if (journeys > 0)
		result->grand = (double) conversions / (double) journeys;

	result->sampled = nplayers > (uint32_t) options->max_exact;
	if (result->sampled)
	{
		std_error = CORE_ALLOC_ZERO(env, double, nplayers);
		status = rate_game_sample(&game, options->samples, options->seed, env, phi, std_error);
		if (options->samples > 2)
			result->std_error = CORE_ALLOC_ZERO(env, double, view->nchannels);
	}
	else if (nplayers > 0)
		rate_game_enumerate(&game, env, phi);

	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		if (player[c] == UINT32_MAX)
			continue;
		result->phi[c] = phi[player[c]];
		if (result->std_error)
			result->std_error[c] = std_error[player[c]];
	}
	core_free(env, std_error);
	core_free(env, phi);
	core_free(env, player);
	return status;
}

/* Conversions and value that channels can earn, by their shares of phi. */
static void
scale_credit(const SummaryView *view, ShapleyResult *result)
{
	ExactCredit nowhere = exact_unattributed(view);
	Credit total = exact_to_credit(
		(ExactCredit){((fixed128) view->conversions << DECAY_FRACTION_BITS) - nowhere.conversions,
					  view->value - nowhere.value});

	result->credit.unattributed = exact_to_credit(nowhere);
	for (uint32_t c = 0; c < view->nchannels && result->grand > 0; c++)
	{
		double share = result->phi[c] / result->grand;

		result->credit.channel[c] = (Credit){share * total.conversions, share * total.value};
	}
}

CoreStatus
shapley_values(const SummaryView *view, const ShapleyOptions *options, const CoreEnv *env,
			   ShapleyResult *result)
{
	CoreStatus status;
	ChannelSets sets;

	if (options->max_exact < 0 || options->max_exact > SHAPLEY_MAX_EXACT)
		return CORE_BAD_INPUT;
	*result = (ShapleyResult){
		.phi = CORE_ALLOC_ZERO(env, double, view->nchannels),
		.credit = {.channel = CORE_ALLOC_ZERO(env, Credit, view->nchannels)},
	};
	if (options->game == SHAPLEY_CONVERSIONS)
	{
		conversions_game(view, env, result);
		return CORE_OK;
	}
	status = channel_sets_collect(view, env, &sets);
	if (status != CORE_OK)
		return status;
	if (options->game == SHAPLEY_RATE)
		status = rate_game(view, &sets, options, env, result);
	else
		exact_rate_game(view->nchannels, &sets, env, result);
	scale_credit(view, result);
	channel_sets_free(&sets, env);
	return status;
}
