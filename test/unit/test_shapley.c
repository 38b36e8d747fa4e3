#include "core/shapley.h"

#include "core/credit.h"
#include "paths.h"

static ShapleyResult
values(const SummaryView *view, ShapleyGame game, int max_exact, int64_t samples, uint64_t seed)
{
	ShapleyOptions options = {game, max_exact, samples, seed};
	ShapleyResult result;

	if (shapley_values(view, &options, unit_env(), &result) != CORE_OK)
		printf("Bail out! shapley_values failed\n");
	return result;
}

static void
free_values(ShapleyResult *result)
{
	free(result->phi);
	free(result->std_error);
	free(result->credit.channel);
}

static void
test_worked(void)
{
	static const struct
	{
		ShapleyGame game;
		const char *name;
		double phi[4];
	} expected[] = {
		{SHAPLEY_CONVERSIONS, "conversions", {26.0 / 3, 20.0 / 3, 13.0 / 6, 0.5}},
		{SHAPLEY_EXACT_RATE, "exact_rate", {5.0 / 24, 1.0 / 120, -11.0 / 120, -1.0 / 8}},
		{SHAPLEY_RATE,
		 "rate",
		 {37880398.0 / 153868275, 37641341.0 / 307736550, -1004483.0 / 153868275, -254773.0 / 11397650}},
	};
	PathsBuilder builder = worked_paths();

	for (int g = 0; g < 3; g++)
	{
		ShapleyResult result = values(&builder.view, expected[g].game, 20, 10000, 1);

		for (int c = 0; c < 4; c++)
		{
			char name[80];

			snprintf(name, sizeof(name), "worked example: %s of %c", expected[g].name, 'A' + c);
			is_close(result.phi[c], expected[g].phi[c], 1e-15, name);
		}
		ok(!result.sampled && !result.std_error, "worked example: %s is exact", expected[g].name);
		free_values(&result);
	}
	free_paths(&builder);
}

static uint32_t
path_set(const SummaryPath *path)
{
	uint32_t set = 0;

	for (uint32_t j = 0; j < path->ntouches; j++)
		set |= UINT32_C(1) << path->touches[j];
	return set;
}

/* v(S), read off the games' definitions: all paths, every time. */
static double
worth(const SummaryView *view, ShapleyGame game, uint32_t coalition)
{
	double conversions = 0;
	double journeys = 0;

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		uint32_t set = path_set(path);

		if (set == 0 || (set & ~coalition) != 0 || (game == SHAPLEY_EXACT_RATE && set != coalition))
			continue;
		conversions += (double) (game == SHAPLEY_CONVERSIONS ? path->conversions : path->matured_conversions);
		journeys += (double) (path->matured_conversions + path->lost);
	}
	if (game == SHAPLEY_CONVERSIONS)
		return conversions;
	return journeys > 0 ? conversions / journeys : 0;
}

/* phi by its definition over the coalitions of all channels of the view. */
static void
brute_force(const SummaryView *view, ShapleyGame game, double *phi)
{
	uint32_t n = view->nchannels;
	double factorial[16] = {1};

	for (int i = 1; i < 16; i++)
		factorial[i] = i * factorial[i - 1];
	for (uint32_t c = 0; c < n; c++)
	{
		phi[c] = 0;
		for (uint32_t s = 0; s < UINT32_C(1) << n; s++)
		{
			int size = __builtin_popcount(s);

			if (!(s & (UINT32_C(1) << c)))
				phi[c] += factorial[size] * factorial[n - size - 1] / factorial[n] *
						  (worth(view, game, s | (UINT32_C(1) << c)) - worth(view, game, s));
		}
	}
}

static double
sum_phi(const SummaryView *view, const ShapleyResult *result)
{
	CompensatedSum sum = {0, 0};

	for (uint32_t c = 0; c < view->nchannels; c++)
		compensated_add(&sum, result->phi[c]);
	return compensated_value(sum);
}

/* Over the totals a credit table must add up to, relative to the largest credit in it. */
static double
imbalance(const SummaryView *view, const CreditTable *table)
{
	CompensatedSum conversions = {table->unattributed.conversions, 0};
	CompensatedSum value = {table->unattributed.value, 0};
	double scale = (double) view->conversions;
	double value_scale = fixed_to_double(view->value);

	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		compensated_add(&conversions, table->channel[c].conversions);
		compensated_add(&value, table->channel[c].value);
		scale = fmax(scale, fabs(table->channel[c].conversions));
		value_scale = fmax(value_scale, fabs(table->channel[c].value));
	}
	return fmax(fabs(compensated_value(conversions) - (double) view->conversions) / fmax(1, scale),
				fabs(compensated_value(value) - fixed_to_double(view->value)) / fmax(1, value_scale));
}

static void
test_brute_force(void)
{
	double wrong = 0;
	double unbalanced = 0;
	double inefficient = 0;

	for (int round = 0; round < 600; round++)
	{
		PathsBuilder builder = random_paths(1 + (uint32_t) test_random(7), (uint32_t) test_random(20),
											1 + (uint32_t) test_random(6));
		const SummaryView *view = &builder.view;

		for (int game = SHAPLEY_CONVERSIONS; game <= SHAPLEY_EXACT_RATE; game++)
		{
			ShapleyResult result = values(view, game, 26, 1, 1);
			double phi[16];

			brute_force(view, game, phi);
			for (uint32_t c = 0; c < view->nchannels; c++)
				wrong = fmax(wrong, fabs(phi[c] - result.phi[c]));
			inefficient = fmax(inefficient, fabs(sum_phi(view, &result) - result.grand));
			inefficient =
				fmax(inefficient, fabs(worth(view, game, (1u << view->nchannels) - 1) - result.grand));
			if (result.grand != 0 || game == SHAPLEY_CONVERSIONS)
				unbalanced = fmax(unbalanced, imbalance(view, &result.credit));
			free_values(&result);
		}
		free_paths(&builder);
	}
	ok(wrong < 1e-12, "random views: all three games agree with all coalitions (off by %g)", wrong);
	ok(inefficient < 1e-12, "random views: phi sums to v(all) (off by %g)", inefficient);
	ok(unbalanced < 1e-13, "random views: credit is conserved (off by %g)", unbalanced);
}

/* A channel known from an open journey alone: nobody's gain in the pooled game, a loss in the exact one. */
static void
test_unmatured_channel(void)
{
	PathsBuilder builder = {0};
	ShapleyResult result;

	add_letters(&builder, "A", 3, 1, 0);
	add_letters(&builder, "B", 1, 0, 9);
	unripen(&builder, 1);
	result = values(&builder.view, SHAPLEY_RATE, 20, 1, 1);
	ok(result.phi[0] == 0.75 && result.phi[1] == 0, "rate: an unmatured channel changes nothing");
	ok(result.credit.channel[0].conversions == 4, "rate: scaled to all conversions, matured or not");
	free_values(&result);
	result = values(&builder.view, SHAPLEY_EXACT_RATE, 20, 1, 1);
	ok(result.phi[0] == 0.375 && result.phi[1] == -0.375, "exact_rate: it leads to unseen coalitions");
	ok(result.grand == 0, "exact_rate: nothing to scale to");
	free_values(&result);
	free_paths(&builder);
}

static void
test_nothing(void)
{
	PathsBuilder builder = {0};

	add_letters(&builder, "", 5, 0, 3);
	for (int game = SHAPLEY_CONVERSIONS; game <= SHAPLEY_EXACT_RATE; game++)
	{
		ShapleyResult result = values(&builder.view, game, 0, 1, 1);

		ok(result.grand == 0 && result.credit.unattributed.conversions == 5, "no channels at all, game %d",
		   game);
		free_values(&result);
	}
	add_letters(&builder, "A", 2, 0, 3);
	unripen(&builder, 2);
	for (int game = SHAPLEY_RATE; game <= SHAPLEY_EXACT_RATE; game++)
	{
		ShapleyResult result = values(&builder.view, game, 0, 1, 1);

		ok(result.phi[0] == 0 && result.grand == 0, "nothing matured, game %d", game);
		free_values(&result);
	}
	free_paths(&builder);
}

static void
test_sampling(void)
{
	double worst = 0;
	double squares = 0;
	int compared = 0;
	double inefficient = 0;

	for (int round = 0; round < 20; round++)
	{
		PathsBuilder builder = random_paths(9, 60, 6);
		const SummaryView *view = &builder.view;
		ShapleyResult exact = values(view, SHAPLEY_RATE, 26, 1, 1);
		ShapleyResult sampled = values(view, SHAPLEY_RATE, 3, 2000, (uint64_t) round);
		ShapleyResult again = values(view, SHAPLEY_RATE, 3, 2000, (uint64_t) round);

		if (!sampled.sampled || memcmp(sampled.phi, again.phi, view->nchannels * sizeof(double)) != 0)
			inefficient = 1;
		for (uint32_t c = 0; c < view->nchannels; c++)
		{
			double error = fabs(sampled.phi[c] - exact.phi[c]);

			if (sampled.std_error[c] > 0)
			{
				worst = fmax(worst, error / sampled.std_error[c]);
				squares += error * error / (sampled.std_error[c] * sampled.std_error[c]);
				compared++;
			}
		}
		inefficient = fmax(inefficient, fabs(sum_phi(view, &sampled) - exact.grand));
		free_values(&exact);
		free_values(&sampled);
		free_values(&again);
		free_paths(&builder);
	}
	ok(worst < 4.5, "sampled values lie within their errors (worst %.2f)", worst);
	ok(compared > 100 && squares / compared > 0.6 && squares / compared < 1.5,
	   "and the errors are neither too large nor too small (mean square %.2f)", squares / compared);
	ok(inefficient < 1e-12, "sampled values sum to v(all) and repeat digit for digit");
}

/* All coalitions by machine against a game small enough in sets to solve by hand: unanimity on the last two. */
static void
test_many_players(void)
{
	PathsBuilder builder = {0};
	ShapleyResult exact;
	ShapleyResult sampled;
	double sum;

	for (uint32_t c = 0; c < 18; c++)
		add_path(&builder, (uint32_t[]){c, (c + 1) % 18, (c * 5) % 18}, 3, 1 + c, 40 - c, c);
	exact = values(&builder.view, SHAPLEY_RATE, 18, 1, 1);
	sampled = values(&builder.view, SHAPLEY_RATE, 17, 40000, 7);
	sum = sum_phi(&builder.view, &exact);
	ok(!exact.sampled && sampled.sampled, "18 channels: exact at max_exact 18, sampled at 17");
	is_close(sum, exact.grand, 1e-14, "18 channels: efficient");
	ok(fabs(exact.phi[3] - sampled.phi[3]) < 4 * sampled.std_error[3], "18 channels: both agree");
	free_values(&exact);
	free_values(&sampled);
	free_paths(&builder);
}

static void
test_many_channels(void)
{
	PathsBuilder builder = random_paths(3000, 2000, 30);
	const SummaryView *view = &builder.view;

	for (int game = SHAPLEY_CONVERSIONS; game <= SHAPLEY_EXACT_RATE; game++)
	{
		ShapleyResult result = values(view, game, 20, 20, 3);

		is_close(sum_phi(view, &result), result.grand, 1e-12, "3000 channels: efficient");
		if (game != SHAPLEY_EXACT_RATE)
			ok(imbalance(view, &result.credit) < 1e-13, "3000 channels: credit is conserved, game %d", game);
		free_values(&result);
	}
	free_paths(&builder);
}

/* The positions of a channel add up to its value, and each is r / (|T| * occurrences). */
static void
test_ordered(void)
{
	double wrong = 0;
	bool sorted = true;
	bool counted = true;

	for (int round = 0; round < 200; round++)
	{
		PathsBuilder builder = random_paths(1 + (uint32_t) test_random(6), 20, 1 + (uint32_t) test_random(7));
		const SummaryView *view = &builder.view;
		double expected[6][8] = {{0}};
		bool present[6][8] = {{false}};
		size_t npresent = 0;
		OrderedCredit *credits;
		size_t ncredits;

		for (size_t i = 0; i < view->npaths; i++)
		{
			const SummaryPath *path = &view->paths[i];

			for (uint32_t j = 0; j < path->ntouches && path->conversions > 0; j++)
			{
				uint32_t repeats = 0;

				for (uint32_t k = 0; k < path->ntouches; k++)
					repeats += path->touches[k] == path->touches[j];
				expected[path->touches[j]][j + 1] +=
					(double) path->conversions / (__builtin_popcount(path_set(path)) * repeats);
				npresent += !present[path->touches[j]][j + 1];
				present[path->touches[j]][j + 1] = true;
			}
		}
		shapley_ordered(view, unit_env(), &credits, &ncredits);
		counted = counted && ncredits == npresent;
		for (size_t i = 0; i < ncredits; i++)
		{
			wrong =
				fmax(wrong, fabs(credits[i].conversions - expected[credits[i].channel][credits[i].position]));
			sorted = sorted && (i == 0 || credits[i - 1].channel < credits[i].channel ||
								(credits[i - 1].channel == credits[i].channel &&
								 credits[i - 1].position < credits[i].position));
		}
		free(credits);
		free_paths(&builder);
	}
	ok(wrong < 1e-12, "ordered: credit by channel and position (off by %g)", wrong);
	ok(sorted && counted, "ordered: one row each, sorted");
}

static void
test_touch_weights(void)
{
	double weight[4];
	const uint32_t touches[] = {1, 0, 1, 1};

	touch_weights_shapley(weight, touches, 4, 2, unit_env());
	is_close(weight[0], 1.0 / 6, 1e-15, "a channel's share is split over its touches");
	is_close(weight[1], 0.5, 1e-15, "a single touch takes its channel's share");
	ok(weight[0] + weight[1] + weight[2] + weight[3] == 1, "weights add to 1");
}

static void
test_long_path_interrupts(void)
{
	PathsBuilder builder = {0};
	uint32_t *touches = malloc(20000 * sizeof(uint32_t));
	long before = unit_checks;
	OrderedCredit *credits;
	size_t ncredits;
	ShapleyResult result;

	for (uint32_t j = 0; j < 20000; j++)
		touches[j] = 69999 - j;
	add_path(&builder, touches, 20000, 5, 3, 2);
	add_path(&builder, touches, 1, 5, 3, 2);
	shapley_ordered(&builder.view, unit_env(), &credits, &ncredits);
	ok(ncredits == 20000, "20 000 touches: as many places");
	result = values(&builder.view, SHAPLEY_RATE, 20, 100, 1);
	is_close(sum_phi(&builder.view, &result), 10.0 / 16, 1e-12, "20 000 touches: efficient");
	ok(unit_checks - before > 50, "long work lets itself be interrupted");
	free_values(&result);
	free(credits);
	free(touches);
	free_paths(&builder);
}

int
main(void)
{
	test_worked();
	test_brute_force();
	test_unmatured_channel();
	test_nothing();
	test_sampling();
	test_many_players();
	test_many_channels();
	test_ordered();
	test_touch_weights();
	test_long_path_interrupts();
	return done();
}
