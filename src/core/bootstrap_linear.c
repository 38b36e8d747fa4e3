/*
 * The bootstrap of models that divide each journey by itself: the rules, and the Shapley value of the
 * conversions game. Their credit is a sum over journeys, so each path's division is computed once, paths
 * divided alike become one cell, and all journeys that were lost another.
 */
#include "bootstrap.h"

#include <math.h>
#include <string.h>

#include "channel_sets.h"
#include "resample.h"

/* What one conversion, and one unit of its value, give to a column. */
typedef struct CellCredit
{
	uint32_t column;
	double conversions;
	double value;
} CellCredit;

/* Conversions that are divided alike. */
typedef struct Cell
{
	size_t first; /* in credits */
	uint32_t ncredits;
	double conversions;
	double value;	/* sum, until finish_cells() makes it the mean */
	double squares; /* the same for the variance */
} Cell;

typedef struct Cells
{
	const CoreEnv *env;
	const SummaryView *view;
	const BootstrapOptions *options;
	Progress progress;
	Cell *cells;
	size_t ncells;
	int64_t *count; /* by cell, and of lost journeys at the end */
	size_t ncounts;
	CellCredit *credits;
	size_t ncredits;
	size_t credits_capacity;
	uint32_t *slots; /* hash table: cell + 1 */
	size_t mask;
	DistinctScan scan;
	const char **names; /* of the path's channels */
	uint32_t *local;	/* by channel: its number within the path */
	uint32_t *touches;
	DecayCredit *decay;
	CreditTable table;
} Cells;

/* The path by itself: its channels numbered from 0, ascending. Counts are its own only where decay needs them. */
static bool
divide_path(Cells *cells, const SummaryPath *path)
{
	DistinctScan *scan = &cells->scan;
	SummaryPath alone = {.conversions = 1, .matured_conversions = 1, .ntouches = path->ntouches};
	SummaryView view = {.npaths = 1, .longest_path = path->ntouches, .ntouches = path->ntouches};

	distinct_scan_path(scan, path->touches, path->ntouches);
	distinct_scan_sort(scan);
	for (uint32_t j = 0; j < scan->nchannels; j++)
	{
		cells->local[scan->channels[j]] = j;
		cells->names[j] = cells->view->channels ? cells->view->channels[scan->channels[j]] : NULL;
	}
	for (uint32_t j = 0; j < path->ntouches; j++)
		cells->touches[j] = cells->local[path->touches[j]];
	alone.value = fixed_from_double(1);
	if (path->ndecay > 0)
	{
		alone.conversions = alone.matured_conversions = path->conversions;
		alone.value = path->value;
		alone.ndecay = path->ndecay;
		alone.decay = cells->decay;
		for (uint32_t j = 0; j < path->ndecay; j++)
		{
			cells->decay[j] = path->decay[j];
			cells->decay[j].channel = cells->local[path->decay[j].channel];
		}
	}
	alone.matured_value = alone.value;
	alone.touches = cells->touches;
	view.nchannels = scan->nchannels;
	view.channels = cells->names;
	view.paths = &alone;
	view.has_decay = cells->view->has_decay;
	view.conversions = view.matured_conversions = alone.conversions;
	view.value = view.matured_value = alone.value;
	progress_made(&cells->progress, 256 + 4 * (size_t) path->ntouches);
	return cells->options->model(cells->options->arg, &view, &cells->table);
}

static void
add_credit(Cells *cells, uint32_t column, double conversions, double value)
{
	if (cells->ncredits == cells->credits_capacity)
	{
		size_t capacity = 2 * cells->credits_capacity + 256;
		CellCredit *credits = CORE_ALLOC(cells->env, CellCredit, capacity);

		if (cells->ncredits > 0)
			memcpy(credits, cells->credits, cells->ncredits * sizeof(CellCredit));
		core_free(cells->env, cells->credits);
		cells->credits = credits;
		cells->credits_capacity = capacity;
	}
	cells->credits[cells->ncredits++] = (CellCredit){column, conversions, value};
}

/* Divisions are alike if they agree to 2^-40: further digits are rounding. */
static int64_t
digits(double weight)
{
	return (int64_t) rint(weight * 0x1p40);
}

static bool
alike(const CellCredit *a, const CellCredit *b, uint32_t n)
{
	for (uint32_t j = 0; j < n; j++)
	{
		if (a[j].column != b[j].column || digits(a[j].conversions) != digits(b[j].conversions) ||
			digits(a[j].value) != digits(b[j].value))
			return false;
	}
	return true;
}

static uint64_t
hash_credits(const CellCredit *credits, uint32_t n)
{
	uint64_t hash = n;

	for (uint32_t j = 0; j < n; j++)
	{
		hash = (hash ^ credits[j].column) * UINT64_C(0x9e3779b97f4a7c15);
		hash = (hash ^ hash >> 29 ^ (uint64_t) digits(credits[j].conversions)) * UINT64_C(0xbf58476d1ce4e5b9);
		hash = (hash ^ hash >> 32 ^ (uint64_t) digits(credits[j].value)) * UINT64_C(0x94d049bb133111eb);
	}
	return hash ^ hash >> 31;
}

/* The cell of the credits added since `first`: a new one, or an older one like it. */
static Cell *
find_cell(Cells *cells, size_t first)
{
	uint32_t n = (uint32_t) (cells->ncredits - first);
	size_t slot = hash_credits(cells->credits + first, n) & cells->mask;
	Cell *cell;

	while (cells->slots[slot] != 0)
	{
		cell = &cells->cells[cells->slots[slot] - 1];
		if (cell->ncredits == n && alike(cells->credits + cell->first, cells->credits + first, n))
		{
			cells->ncredits = first;
			return cell;
		}
		slot = (slot + 1) & cells->mask;
	}
	cell = &cells->cells[cells->ncells++];
	*cell = (Cell){.first = first, .ncredits = n};
	cells->slots[slot] = (uint32_t) cells->ncells;
	return cell;
}

static void
add_path(Cells *cells, const SummaryPath *path)
{
	size_t first = cells->ncredits;
	double value = fixed_to_double(path->value);
	Cell *cell;

	if (path->ntouches == 0 || !divide_path(cells, path))
		add_credit(cells, cells->view->nchannels, 1, 1);
	else
	{
		double conversions = path->ndecay > 0 ? (double) path->conversions : 1;
		double worth = path->ndecay > 0 ? value : 1;

		for (uint32_t j = 0; j < cells->scan.nchannels; j++)
		{
			Credit credit = cells->table.channel[j];

			if (credit.conversions != 0 || credit.value != 0)
				add_credit(cells, cells->scan.channels[j], credit.conversions / conversions,
						   worth > 0 ? credit.value / worth : 0);
		}
	}
	cell = find_cell(cells, first);
	cell->conversions += (double) path->conversions;
	cell->value += value;
	cell->squares += fixed_square_to_double(path->squares);
	cells->count[cell - cells->cells] += path->conversions;
}

/* Sums become moments; a variance that is only rounding is none. */
static void
finish_cells(Cells *cells)
{
	for (size_t i = 0; i < cells->ncells; i++)
	{
		Cell *cell = &cells->cells[i];
		double mean = cell->value / cell->conversions;
		double variance = cell->squares / cell->conversions - mean * mean;

		cell->value = mean;
		cell->squares = variance > 1e-12 * mean * mean ? variance : 0;
	}
	cells->ncounts = cells->ncells;
	if (cells->view->lost > 0)
		cells->count[cells->ncounts++] = cells->view->lost;
}

static void
build_cells(Cells *cells)
{
	const SummaryView *view = cells->view;
	const CoreEnv *env = cells->env;
	size_t converting = 0;
	size_t slots = 64;

	for (size_t i = 0; i < view->npaths; i++)
		converting += view->paths[i].conversions > 0;
	while (slots < 2 * converting)
		slots *= 2;
	cells->mask = slots - 1;
	cells->slots = CORE_ALLOC_ZERO(env, uint32_t, slots);
	cells->cells = CORE_ALLOC(env, Cell, converting);
	cells->count = CORE_ALLOC_ZERO(env, int64_t, converting + 1);
	cells->scan = distinct_scan_alloc(view->nchannels, view->longest_path, env);
	cells->names = CORE_ALLOC(env, const char *, view->nchannels);
	cells->local = CORE_ALLOC(env, uint32_t, view->nchannels);
	cells->touches = CORE_ALLOC(env, uint32_t, view->longest_path);
	cells->decay = CORE_ALLOC(env, DecayCredit, view->nchannels);
	cells->table.channel = CORE_ALLOC_ZERO(env, Credit, view->nchannels);
	for (size_t i = 0; i < view->npaths; i++)
	{
		if (view->paths[i].conversions > 0)
			add_path(cells, &view->paths[i]);
		progress_made(&cells->progress, 4);
	}
	finish_cells(cells);
	core_free(env, cells->slots);
	core_free(env, cells->names);
	core_free(env, cells->local);
	core_free(env, cells->touches);
	core_free(env, cells->decay);
	core_free(env, cells->table.channel);
	distinct_scan_free(&cells->scan, env);
}

static void
draw_replicate(Cells *cells, RandomStream *stream, const int64_t *drawn, Credit *credit, double *conversions)
{
	*conversions = 0;
	for (size_t i = 0; i < cells->ncells; i++)
	{
		const Cell *cell = &cells->cells[i];
		const CellCredit *share = cells->credits + cell->first;
		double value;

		if (drawn[i] == 0)
			continue;
		value = random_gamma_sum(stream, drawn[i], cell->value, cell->squares);
		*conversions += (double) drawn[i];
		for (uint32_t j = 0; j < cell->ncredits; j++)
		{
			credit[share[j].column].conversions += (double) drawn[i] * share[j].conversions;
			credit[share[j].column].value += value * share[j].value;
		}
		progress_made(&cells->progress, 8 + cell->ncredits);
	}
}

/* Sums of powers of the journeys' influence values on a column. */
typedef struct Influence
{
	double squares;
	double cubes;
} Influence;

static void
influence_add(Influence *sum, double weight, double u)
{
	sum->squares += weight * u * u;
	sum->cubes += weight * u * u * u;
}

static double
acceleration_of(Influence sum)
{
	return sum.squares > 0 ? sum.cubes / (6 * sum.squares * sqrt(sum.squares)) : 0;
}

/*
 * What one more journey of a cell adds, less what the average journey does; for the share, the average
 * conversion. The value of a conversion varies within a cell with the gamma's moments.
 */
static void
accelerate(const Cells *cells, BootstrapResult *result)
{
	uint32_t n = result->ncolumns;
	double conversions = (double) cells->view->conversions;
	double journeys = conversions + (double) cells->view->lost;
	Credit *total = CORE_ALLOC_ZERO(cells->env, Credit, n);
	Influence *sum[BOOTSTRAP_QUANTITIES];

	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
		sum[q] = CORE_ALLOC_ZERO(cells->env, Influence, n);
	for (size_t i = 0; i < cells->ncells; i++)
	{
		for (uint32_t j = 0; j < cells->cells[i].ncredits; j++)
		{
			const CellCredit *share = &cells->credits[cells->cells[i].first + j];

			total[share->column].conversions += cells->cells[i].conversions * share->conversions;
			total[share->column].value += cells->cells[i].conversions * cells->cells[i].value * share->value;
		}
	}
	for (uint32_t c = 0; c < n; c++)
	{
		influence_add(&sum[BOOTSTRAP_CONVERSIONS][c], journeys, -total[c].conversions / journeys);
		influence_add(&sum[BOOTSTRAP_SHARE][c], conversions, -total[c].conversions / conversions);
		influence_add(&sum[BOOTSTRAP_VALUE][c], journeys, -total[c].value / journeys);
	}
	for (size_t i = 0; i < cells->ncells; i++)
	{
		const Cell *cell = &cells->cells[i];

		for (uint32_t j = 0; j < cell->ncredits; j++)
		{
			const CellCredit *share = &cells->credits[cell->first + j];
			uint32_t c = share->column;
			double mean = total[c].conversions / journeys;
			double ratio = total[c].conversions / conversions;
			double worth = total[c].value / journeys;
			double u = cell->value * share->value - worth;
			double spread = cell->squares * share->value * share->value;
			Influence *value = &sum[BOOTSTRAP_VALUE][c];

			influence_add(&sum[BOOTSTRAP_CONVERSIONS][c], cell->conversions, share->conversions - mean);
			influence_add(&sum[BOOTSTRAP_CONVERSIONS][c], -cell->conversions, -mean);
			influence_add(&sum[BOOTSTRAP_SHARE][c], cell->conversions, share->conversions - ratio);
			influence_add(&sum[BOOTSTRAP_SHARE][c], -cell->conversions, -ratio);
			influence_add(value, cell->conversions, u);
			influence_add(value, -cell->conversions, -worth);
			value->squares += cell->conversions * spread;
			value->cubes += cell->conversions * 3 * u * spread;
			if (spread > 0)
				value->cubes += cell->conversions * 2 * spread * cell->squares * share->value / cell->value;
		}
	}
	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
	{
		for (uint32_t c = 0; c < n; c++)
			result->acceleration[q][c] = acceleration_of(sum[q][c]);
		core_free(cells->env, sum[q]);
	}
	core_free(cells->env, total);
}

void
bootstrap_linear(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
				 BootstrapResult *result)
{
	Cells cells = {.env = env, .view = view, .options = options, .progress = {env, 0}};
	Credit *credit = CORE_ALLOC(env, Credit, result->ncolumns);
	Resampler resampler;
	int64_t *drawn;

	build_cells(&cells);
	drawn = CORE_ALLOC(env, int64_t, cells.ncounts);
	resampler_init(&resampler, cells.count, cells.ncounts, env);
	for (int r = 0; r < options->replicates; r++)
	{
		RandomStream stream = random_stream(options->seed, (uint64_t) r);
		double conversions;

		memset(credit, 0, result->ncolumns * sizeof(Credit));
		resampler_draw(&resampler, &stream, drawn);
		draw_replicate(&cells, &stream, drawn, credit, &conversions);
		bootstrap_store(result, r, credit, conversions);
		progress_made(&cells.progress, 64 + 4 * (size_t) result->ncolumns);
	}
	if (options->accelerate)
		accelerate(&cells, result);
	resampler_free(&resampler);
	core_free(env, drawn);
	core_free(env, credit);
	core_free(env, cells.cells);
	core_free(env, cells.count);
	core_free(env, cells.credits);
}
