/*
 * Markov removal effects: worked examples, and thousands of random path sets against a dense solve in which
 * the channel's states really lead to (null).
 */
#include "core/markov.h"
#include "core/markov_order.h"
#include "core/markov_solve.h"
#include "markov_reference.h"

#include <time.h>

static Reference reference;

static double
relative_error(double actual, double expected)
{
	return expected == 0 ? fabs(actual) : fabs(actual - expected) / fabs(expected);
}

/* Effects of the worked example as its authors give them. */
static void
test_worked(void)
{
	static const double order1[] = {674 / 1053.0, 1490 / 2061.0, 1067 / 3330.0, 842 / 11151.0};
	static const double order2[] = {17 / 18.0, 5 / 6.0, 1 / 3.0, 1 / 18.0};
	static const double winners[] = {1003 / 1332.0, 1003 / 1323.0, 2006 / 6435.0, 1003 / 9360.0};
	PathsBuilder paths = worked_paths();
	MarkovResult result;
	double conversions = 0;
	double value = 0;

	markov_removal(&paths.view, 1, true, unit_env(), &result);
	for (int c = 0; c < 4; c++)
	{
		ok(relative_error(result.removal_effect[c], order1[c]) < 1e-15, "order 1, channel %c", 'A' + c);
		conversions += result.credit.channel[c].conversions;
		value += result.credit.channel[c].value;
	}
	is_close(conversions, 18, 1e-15, "conversions are conserved");
	is_close(value, 607, 1e-15, "value is conserved");
	markov_removal(&paths.view, 2, true, unit_env(), &result);
	for (int c = 0; c < 4; c++)
		ok(relative_error(result.removal_effect[c], order2[c]) < 1e-15, "order 2, channel %c", 'A' + c);
	for (size_t i = 0; i < paths.view.npaths; i++)
		paths.paths[i].lost = 0;
	markov_removal(&paths.view, 1, true, unit_env(), &result);
	for (int c = 0; c < 4; c++)
		ok(relative_error(result.removal_effect[c], winners[c]) < 1e-15, "nulls ignored, channel %c",
		   'A' + c);
	free_paths(&paths);
}

static void
test_three_journeys(void)
{
	static const double effect[] = {0.5, 1, 1};
	static const double credit[] = {0.2, 0.4, 0.4};
	PathsBuilder paths = {0};
	MarkovResult result;

	add_letters(&paths, "A", 0, 1, 0);
	add_letters(&paths, "ABC", 1, 0, 0);
	add_letters(&paths, "BC", 0, 1, 0);
	markov_removal(&paths.view, 1, true, unit_env(), &result);
	for (int c = 0; c < 3; c++)
	{
		is_close(result.removal_effect[c], effect[c], 1e-15, "three journeys: effect");
		is_close(result.credit.channel[c].conversions, credit[c], 1e-15, "three journeys: credit");
	}
	ok(!result.value_known, "three journeys: no value to learn from");
	free_paths(&paths);
}

/* The largest relative error of a solver's answers; negative if the chain has no conversions or is too large. */
static double
solver_error(const SummaryView *view, uint32_t order, bool collapse, bool dense)
{
	uint32_t n = view->nchannels;
	MarkovLoss loss = {calloc(n + 1, sizeof(double)), calloc(n + 1, sizeof(double))};
	MarkovChain chain;
	MarkovGraph graph;
	double worst = -1;
	quad conversions;
	quad value;

	markov_chain_build(view, order, collapse, unit_env(), &chain);
	markov_graph_build(&chain, &graph);
	if (chain.conversions > 0 && reference_build(&reference, view, order, collapse))
	{
		worst = 0;
		reference_outcome(&reference, UINT32_MAX, &conversions, &value);
		if (dense)
			markov_solve_dense(&chain, &graph, &loss);
		else if (markov_solve_sparse(&chain, &graph, &loss) != CORE_OK)
			worst = 1;
	}
	for (uint32_t c = 0; worst >= 0 && c < n; c++)
	{
		quad without;
		quad value_without;

		reference_outcome(&reference, c, &without, &value_without);
		worst = fmax(worst, relative_error(loss.conversions[c], (double) (conversions - without)));
		worst = fmax(worst, relative_error(loss.value[c], (double) (value - value_without)));
	}
	markov_graph_free(&graph);
	markov_chain_free(&chain);
	free(loss.conversions);
	free(loss.value);
	return worst;
}

/* Counts of very different sizes: up to 10^15 times what they were. */
static void
blow_up(PathsBuilder *paths)
{
	for (size_t i = 0; i < paths->view.npaths; i++)
	{
		SummaryPath *path = &paths->paths[i];
		int64_t conversions = 1;
		int64_t lost = 1;

		for (uint64_t k = test_random(16); k > 0; k--)
			conversions *= 10;
		for (uint64_t k = test_random(16); k > 0; k--)
			lost *= 10;
		path->conversions *= conversions;
		path->matured_conversions *= conversions;
		path->lost *= lost;
	}
}

static void
test_random_paths(bool huge, uint32_t rounds)
{
	double worst_dense = 0;
	double worst_sparse = 0;
	uint32_t solved = 0;

	for (uint32_t i = 0; i < rounds; i++)
	{
		PathsBuilder paths;
		bool collapse = test_random(2);

		test_state = i;
		paths = random_paths(1 + (uint32_t) test_random(7), 1 + (uint32_t) test_random(12),
							 1 + (uint32_t) test_random(10));
		if (huge)
			blow_up(&paths);
		for (uint32_t order = 1; order <= 6; order++)
		{
			double error = solver_error(&paths.view, order, collapse, false);

			solved += error >= 0;
			worst_sparse = fmax(worst_sparse, error);
		}
		worst_dense = fmax(worst_dense, solver_error(&paths.view, 1, collapse, true));
		free_paths(&paths);
	}
	ok(solved > rounds, "%u random chains solved%s", solved, huge ? ", counts from 1 to 10^15" : "");
	ok(worst_sparse < 1e-14, "sparse: largest relative error %.1e", worst_sparse);
	ok(worst_dense < 1e-14, "dense: largest relative error %.1e", worst_dense);
}

/*
 * Components of hundreds of states, which the sparse solver iterates on; the dense one is the measure. With
 * `stay`, channels come in pairs that journeys go back and forth between for thousands of touches.
 */
static void
test_iteration(uint32_t nchannels, uint32_t npaths, uint32_t length, uint32_t stay, double tolerance)
{
	const CoreEnv *env = unit_env();
	uint32_t *touches = malloc(length * sizeof(uint32_t));
	MarkovLoss dense = {calloc(nchannels, sizeof(double)), calloc(nchannels, sizeof(double))};
	MarkovLoss sparse = {calloc(nchannels, sizeof(double)), calloc(nchannels, sizeof(double))};
	PathsBuilder paths = {0};
	MarkovChain chain;
	MarkovGraph graph;
	double worst = 0;

	test_state = 7;
	for (uint32_t i = 0; i < npaths; i++)
	{
		for (uint32_t k = 0; k < length; k++)
			touches[k] =
				k > 0 && test_random(stay) > 0 ? touches[k - 1] ^ 1 : (uint32_t) test_random(nchannels);
		add_path(&paths, touches, 1 + (uint32_t) test_random(length), 1 + (int64_t) test_random(3),
				 (int64_t) test_random(30), (double) test_random(100));
	}
	markov_chain_build(&paths.view, 1, true, env, &chain);
	markov_graph_build(&chain, &graph);
	markov_solve_dense(&chain, &graph, &dense);
	ok(markov_solve_sparse(&chain, &graph, &sparse) == CORE_OK, "%u channels, %u touches: iteration ends",
	   nchannels, length);
	for (uint32_t c = 0; c < nchannels; c++)
	{
		worst = fmax(worst, relative_error(sparse.conversions[c], dense.conversions[c]));
		worst = fmax(worst, relative_error(sparse.value[c], dense.value[c]));
	}
	ok(worst < tolerance, "largest relative difference of the solvers %.1e", worst);
	free(touches);
	free(dense.conversions);
	free(dense.value);
	free(sparse.conversions);
	free(sparse.value);
	markov_graph_free(&graph);
	markov_chain_free(&chain);
	free_paths(&paths);
}

static int
compare_paths(const void *a, const void *b)
{
	const SummaryPath *left = a;
	const SummaryPath *right = b;
	uint32_t i = 0;

	while (i < left->ntouches && i < right->ntouches && left->touches[i] == right->touches[i])
		i++;
	if (i == left->ntouches || i == right->ntouches)
		return (left->ntouches > right->ntouches) - (left->ntouches < right->ntouches);
	return left->touches[i] < right->touches[i] ? -1 : 1;
}

/* Sorts the paths as a view has them, dropping those that occur twice. */
static void
sort_paths(PathsBuilder *paths)
{
	size_t kept = 0;

	qsort(paths->paths, paths->view.npaths, sizeof(SummaryPath), compare_paths);
	for (size_t i = 0; i < paths->view.npaths; i++)
	{
		if (kept > 0 && compare_paths(&paths->paths[kept - 1], &paths->paths[i]) == 0)
			free((void *) paths->paths[i].touches);
		else
			paths->paths[kept++] = paths->paths[i];
	}
	paths->view.npaths = kept;
}

/* The chain itself, against the reference, which numbers states in the order it meets them. */
static void
test_chain(void)
{
	bool same = true;

	for (uint32_t i = 0; i < 300; i++)
	{
		PathsBuilder paths;
		MarkovChain chain;
		uint32_t order = 1 + i % 7;
		uint32_t edges = 0;

		test_state = i;
		paths = random_paths(3, 8, 12);
		sort_paths(&paths);
		markov_chain_build(&paths.view, order, i % 2, unit_env(), &chain);
		reference_build(&reference, &paths.view, order, i % 2);
		same = same && chain.states.nstates == reference.nstates;
		for (uint32_t s = 0; same && s < chain.states.nstates; s++)
		{
			int r = reference_state(&reference, chain.states.gram[s], chain.states.length[s]);

			same = (quad) chain.start[s] == reference.start[r] &&
				   (quad) chain.converted[s] == reference.converted[r] &&
				   (quad) chain.lost[s] == reference.lost[r] &&
				   fixed_to_quad(chain.earned[s]) == reference.earned[r];
			for (size_t e = chain.edge_first[s]; same && e < chain.edge_first[s + 1]; e++)
			{
				uint32_t to = chain.edge_to[e];
				int rto = reference_state(&reference, chain.states.gram[to], chain.states.length[to]);

				same = (quad) chain.edge_count[e] == reference.count[r][rto];
				same = same && (e == chain.edge_first[s] || chain.edge_to[e - 1] < to);
				edges++;
			}
		}
		for (uint32_t a = 0; a < reference.nstates; a++)
		{
			for (uint32_t b = 0; b < reference.nstates; b++)
				edges -= reference.count[a][b] > 0;
		}
		same = same && edges == 0;
		markov_chain_free(&chain);
		free_paths(&paths);
	}
	ok(same, "chains of 300 random path sets, orders 1 to 7");
}

static void
test_edges_of_input(void)
{
	PathsBuilder paths = {0};
	MarkovResult result;

	ok(markov_removal(&paths.view, 1, true, unit_env(), &result) == CORE_OK && !result.known, "no paths");
	ok(markov_removal(&paths.view, 0, true, unit_env(), &result) == CORE_BAD_INPUT, "order 0 is refused");
	add_letters(&paths, "", 4, 0, 40);
	markov_removal(&paths.view, 1, true, unit_env(), &result);
	ok(!result.known && result.credit.unattributed.conversions == 4 && result.credit.unattributed.value == 40,
	   "empty paths alone: all unattributed");
	add_letters(&paths, "A", 0, 3, 0);
	add_letters(&paths, "AB", 2, 0, 10);
	unripen(&paths, 2);
	paths.paths[2].matured_value = 0;
	markov_removal(&paths.view, 1, true, unit_env(), &result);
	ok(!result.known && result.credit.unattributed.conversions == 6 &&
		   result.credit.channel[0].conversions == 0,
	   "conversions, none matured: all unattributed");
	add_letters(&paths, "ABA", 2, 1, 0);
	markov_removal(&paths.view, 1, true, unit_env(), &result);
	ok(result.known && !result.value_known && result.credit.unattributed.conversions == 4,
	   "matured conversions without value");
	is_close(result.credit.channel[0].conversions + result.credit.channel[1].conversions, 4, 1e-15,
			 "all conversions are credited, matured or not");
	is_close(result.credit.channel[0].value / 10, result.credit.channel[0].conversions / 4, 1e-15,
			 "value goes the way of conversions");
	add_letters(&paths, "C", 0, 0, 0);
	paths.paths[4].open = 1;
	markov_removal(&paths.view, 3, true, unit_env(), &result);
	ok(result.removal_effect[2] == 0 && result.credit.channel[2].conversions == 0,
	   "a channel of open journeys only has effect 0");
	free_paths(&paths);
}

/* Paths of 20 000 touches: a cycle that is left once in 10 000 rounds, and orders far beyond 64. */
static void
test_long_paths(void)
{
	static uint32_t touches[20000];
	static const uint32_t orders[] = {1, 2, 3, 7, 64, 1000, 15000, 20001};
	PathsBuilder paths = {0};
	MarkovResult result;

	for (uint32_t k = 0; k < 20000; k++)
		touches[k] = k & 1;
	add_path(&paths, touches, 20000, INT64_C(1000000000000), 7, 5);
	touches[10000] = 2;
	add_path(&paths, touches, 20000, 1, 0, 5);
	touches[0] = 2;
	touches[1] = 3;
	add_path(&paths, touches, 2, 1, 1000000, 5);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
	{
		markov_removal(&paths.view, (int) orders[i], true, unit_env(), &result);
		/* all walks but those of the last path visit A; of its conversions at most 1 in 10^12 */
		ok(fabs(result.removal_effect[0] - 1) < 2e-12, "20 000 touches, order %u", orders[i]);
	}
	free_paths(&paths);
}

static void
test_choose_order(void)
{
	/* from the definition, with scores and thresholds in rationals */
	static const double auc[] = {871 / 1260.0, 1024 / 1260.0, 1049 / 1260.0, 1049 / 1260.0};
	static const int64_t states[] = {4, 12, 12, 10};
	static const int64_t nodes[] = {4, 10, 20, 35};
	PathsBuilder paths = worked_paths();
	MarkovOrders orders;
	bool more;

	markov_orders_begin(&paths.view, unit_env(), &orders);
	for (int k = 0; k < 4; k++)
	{
		double room = 53.0 - (double) nodes[k] - 1;

		markov_orders_next(&orders, &more);
		ok(more && orders.fit.states == states[k] && orders.fit.nodes == nodes[k], "order %d: states, nodes",
		   k + 1);
		is_close(orders.fit.auc, auc[k], 1e-15, "area under the curve");
		is_close(orders.fit.penalized_auc, 1 - (1 - auc[k]) * 52 / room, 1e-14, "penalized area");
	}
	markov_orders_next(&orders, &more);
	ok(!more, "order 5 has as many nodes as there are journeys");
	free_paths(&paths);
}

/* 500 channels, 200 000 paths: printed, not asserted. */
static void
time_wide_problem(void)
{
	PathsBuilder paths = {0};

	test_state = 1;
	for (uint32_t i = 0; i < 200000; i++)
	{
		uint32_t touches[8];
		uint32_t n = 1 + (uint32_t) test_random(8);

		for (uint32_t k = 0; k < n; k++)
		{
			uint32_t u = (uint32_t) test_random(500);

			touches[k] = u * (uint32_t) test_random(500) / 500;
		}
		add_path(&paths, touches, n, test_random(10) == 0, 1, 1);
	}
	for (int order = 1; order <= 3; order += 2)
	{
		clock_t start = clock();
		MarkovResult result;

		markov_removal(&paths.view, order, true, unit_env(), &result);
		printf("# 500 channels, 200000 paths, order %d: %.2f s in this build\n", order,
			   (double) (clock() - start) / CLOCKS_PER_SEC);
	}
	free_paths(&paths);
}

int
main(void)
{
	test_worked();
	test_three_journeys();
	test_chain();
	test_random_paths(false, 600);
	test_random_paths(true, 400);
	test_iteration(300, 2000, 8, 1, 1e-13);
	test_iteration(200, 400, 300, 1, 1e-13);
	test_iteration(120, 60, 2000, 500, 1e-12);
	test_edges_of_input();
	test_long_paths();
	test_choose_order();
	time_wide_problem();
	return done();
}
