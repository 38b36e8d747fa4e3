#include "bootstrap_paths.h"

#include <math.h>
#include <string.h>

#include "progress.h"

static void
add_cell(PathCells *cells, size_t path, int64_t count, double mean, double variance)
{
	if (count == 0)
		return;
	cells->path[cells->ncells] = (uint32_t) path;
	cells->count[cells->ncells] = count;
	if (mean > 0)
	{
		cells->mean[cells->ncells] = mean;
		cells->variance[cells->ncells] = variance > 1e-12 * mean * mean ? variance : 0;
	}
	cells->ncells++;
}

static double
mean_of(fixed128 value, int64_t count)
{
	return count > 0 ? fixed_to_double(value) / (double) count : 0;
}

/* The variance about the two means is common to both: the squares are summed over all conversions. */
static double
variance_of(const SummaryPath *path, double matured_mean, double immature_mean)
{
	int64_t immature = path->conversions - path->matured_conversions;

	return (fixed_square_to_double(path->squares) -
			(double) path->matured_conversions * matured_mean * matured_mean -
			(double) immature * immature_mean * immature_mean) /
		   (double) path->conversions;
}

static void
add_conversions(PathCells *cells, size_t number, bool matured)
{
	const SummaryPath *path = &cells->view->paths[number];
	int64_t immature = path->conversions - path->matured_conversions;
	double matured_mean = mean_of(path->matured_value, path->matured_conversions);
	double immature_mean = mean_of(path->value - path->matured_value, immature);

	if (path->conversions > 0)
		add_cell(cells, number, matured ? path->matured_conversions : immature,
				 matured ? matured_mean : immature_mean, variance_of(path, matured_mean, immature_mean));
}

void
path_cells_init(PathCells *cells, const SummaryView *view, const CoreEnv *env)
{
	size_t most = 3 * view->npaths;
	Progress progress = {env, 0};

	*cells = (PathCells){.env = env, .view = view};
	cells->path = CORE_ALLOC(env, uint32_t, most);
	cells->count = CORE_ALLOC(env, int64_t, most);
	cells->mean = CORE_ALLOC_ZERO(env, double, most);
	cells->variance = CORE_ALLOC_ZERO(env, double, most);
	for (int outcome = 0; outcome < 3; outcome++)
	{
		for (size_t i = 0; i < view->npaths; i++)
		{
			if (outcome < 2)
				add_conversions(cells, i, outcome == 0);
			else
				add_cell(cells, i, view->paths[i].lost, 0, 0);
			progress_made(&progress, 16);
		}
		if (outcome == 0)
			cells->first_immature = cells->ncells;
		else if (outcome == 1)
			cells->first_lost = cells->ncells;
	}
	cells->drawn = CORE_ALLOC(env, int64_t, cells->ncells);
	cells->left = CORE_ALLOC(env, int64_t, cells->ncells);
	resampler_init(&cells->resampler, cells->count, cells->ncells, env);
}

void
path_cells_free(PathCells *cells)
{
	resampler_free(&cells->resampler);
	core_free(cells->env, cells->path);
	core_free(cells->env, cells->count);
	core_free(cells->env, cells->mean);
	core_free(cells->env, cells->variance);
	core_free(cells->env, cells->drawn);
	core_free(cells->env, cells->left);
}

static CoreStatus
store_draw(PathCells *cells, PathCreditsFn credits, void *engine, RandomStream *stream, double scale,
		   Credit *credit, int r, BootstrapResult *result)
{
	double conversions = 0;
	CoreStatus status;

	for (size_t i = 0; i < cells->first_lost; i++)
		conversions += (double) cells->drawn[i];
	memset(credit, 0, result->ncolumns * sizeof(Credit));
	status = credits(engine, cells, stream, credit);
	for (uint32_t c = 0; c < result->ncolumns; c++)
	{
		credit[c].conversions *= scale;
		credit[c].value *= scale;
	}
	bootstrap_store(result, r, credit, conversions * scale);
	core_check(cells->env);
	return status;
}

/*
 * The acceleration from a jackknife that leaves out one of G random groups of journeys at a time. As journeys
 * are independent, the groups' influence values have the expected sum of cubes and of squares of the
 * journeys' own, and the estimate is good to about 0.65 / G.
 */
#define JACKKNIFE_GROUPS 200

/* cells->drawn without group number g of `groups`; the groups must be taken in order. */
static int64_t
leave_out(PathCells *cells, RandomStream *stream, int g, int groups)
{
	Progress progress = {cells->env, 0};
	int64_t out = 0;

	for (size_t i = 0; i < cells->ncells; i++)
	{
		int64_t member = random_binomial(stream, cells->left[i], 1.0 / (groups - g));

		cells->left[i] -= member;
		cells->drawn[i] = cells->count[i] - member;
		out += member;
		progress_made(&progress, 16);
	}
	return out;
}

static double
skewness_sixth(const double *values, int n)
{
	double mean = 0;
	double squares = 0;
	double cubes = 0;

	for (int i = 0; i < n; i++)
		mean += values[i] / n;
	for (int i = 0; i < n; i++)
	{
		double u = mean - values[i];

		squares += u * u;
		cubes += u * u * u;
	}
	return squares > 0 ? cubes / (6 * squares * sqrt(squares)) : 0;
}

static CoreStatus
jackknife(PathCells *cells, const BootstrapOptions *options, PathCreditsFn credits, void *engine,
		  Credit *credit, BootstrapResult *result)
{
	const CoreEnv *env = cells->env;
	double journeys = (double) cells->view->conversions + (double) cells->view->lost;
	int groups = journeys < JACKKNIFE_GROUPS ? (int) journeys : JACKKNIFE_GROUPS;
	RandomStream stream = random_stream(options->seed, UINT64_MAX);
	BootstrapResult without = {.ncolumns = result->ncolumns, .replicates = groups};
	CoreStatus status = CORE_OK;

	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
		without.replicate[q] = CORE_ALLOC(env, double, (size_t) without.ncolumns *groups);
	memcpy(cells->left, cells->count, cells->ncells * sizeof(int64_t));
	for (int g = 0; g < groups && status == CORE_OK; g++)
	{
		double out = (double) leave_out(cells, &stream, g, groups);

		status = store_draw(cells, credits, engine, &stream, out < journeys ? journeys / (journeys - out) : 1,
							credit, g, &without);
	}
	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
	{
		for (uint32_t c = 0; c < without.ncolumns; c++)
			result->acceleration[q][c] =
				skewness_sixth(bootstrap_column(&without, (BootstrapQuantity) q, c), groups);
		core_free(env, without.replicate[q]);
	}
	return status;
}

CoreStatus
path_cells_bootstrap(PathCells *cells, const BootstrapOptions *options, PathCreditsFn credits, void *engine,
					 BootstrapResult *result)
{
	Credit *credit = CORE_ALLOC(cells->env, Credit, result->ncolumns);
	CoreStatus status = CORE_OK;

	for (int r = 0; r < options->replicates && status == CORE_OK; r++)
	{
		RandomStream stream = random_stream(options->seed, (uint64_t) r);

		resampler_draw(&cells->resampler, &stream, cells->drawn);
		status = store_draw(cells, credits, engine, &stream, 1, credit, r, result);
	}
	if (status == CORE_OK && options->accelerate)
		status = jackknife(cells, options, credits, engine, credit, result);
	core_free(cells->env, credit);
	return status;
}
