#include "markov_chain.h"

#include <string.h>

#include "key_index.h"
#include "progress.h"

/* Windows and states are numbered in 32 bits, with a value to spare. */
#define MAX_WINDOWS (UINT32_MAX - 1)

static bool
is_short(const MarkovStates *states, const SummaryPath *path)
{
	return path->ntouches < states->order;
}

/* Picks the counted paths. A long path gets a slot a touch, as naming starts from single touches. */
static CoreStatus
collect_paths(MarkovStates *states, const SummaryView *view)
{
	Progress progress = {states->env, 0};
	size_t slots = 0;

	states->path = CORE_ALLOC(states->env, size_t, view->npaths);
	states->window_first = CORE_ALLOC(states->env, size_t, view->npaths + 1);
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		progress_made(&progress, 4);
		if (path->ntouches == 0 || markov_weight(path) == 0)
			continue;
		states->path[states->npaths] = i;
		states->window_first[states->npaths++] = slots;
		slots += is_short(states, path) ? 1 : path->ntouches;
	}
	states->window_first[states->npaths] = slots;
	if (slots > MAX_WINDOWS)
		return CORE_TOO_LARGE; /* what is allocated goes with the caller's memory */
	states->window = CORE_ALLOC(states->env, uint32_t, slots);
	for (size_t p = 0; p < states->npaths; p++)
	{
		const SummaryPath *path = &view->paths[states->path[p]];

		if (!is_short(states, path))
			memcpy(states->window + states->window_first[p], path->touches,
				   path->ntouches * sizeof(uint32_t));
		progress_made(&progress, 16 + path->ntouches / 4);
	}
	return CORE_OK;
}

/*
 * From names of all windows of `length` touches to names of those of `length + step`, step <= length. Such
 * a window is the union of two shorter ones, `step` apart, so a pair of names is its exact key. Names are
 * ranks: as the shorter names sort like their touches, so do the longer. Naming k-grams thus costs log k
 * passes over the touches, whatever k is, and no hash of touches could ever confuse two of them.
 */
static uint32_t
widen_names(MarkovStates *states, uint32_t length, uint32_t step)
{
	Progress progress = {states->env, 0};
	KeyIndex index;
	uint32_t *rank = NULL;
	uint32_t count;

	key_index_init(&index, states->env);
	for (int renaming = 0; renaming < 2; renaming++)
	{
		if (renaming)
			rank = key_index_ranks(&index);
		for (size_t p = 0; p < states->npaths; p++)
		{
			const SummaryPath *path = &states->view->paths[states->path[p]];
			uint32_t *name = states->window + states->window_first[p];

			if (is_short(states, path))
				continue;
			for (uint32_t i = 0; i + length + step <= path->ntouches; i++)
			{
				if (renaming)
					name[i] = rank[name[i]];
				else
					name[i] = key_index_put(&index, (uint64_t) name[i] << 32 | name[i + step]);
				progress_made(&progress, 16);
			}
		}
	}
	count = index.count;
	core_free(states->env, rank);
	key_index_free(&index);
	return count;
}

/* The touches behind each name: any window that bears it will do. */
static const uint32_t **
find_grams(const MarkovStates *states, uint32_t ngrams)
{
	const uint32_t **gram = CORE_ALLOC_ZERO(states->env, const uint32_t *, ngrams);
	Progress progress = {states->env, 0};

	for (size_t p = 0; p < states->npaths; p++)
	{
		const SummaryPath *path = &states->view->paths[states->path[p]];
		const uint32_t *name = states->window + states->window_first[p];
		size_t count = is_short(states, path) ? 0 : markov_window_count(states, path);

		for (size_t i = 0; i < count; i++)
			gram[name[i]] = path->touches + i;
		progress_made(&progress, 4 + count);
	}
	return gram;
}

static bool
gram_before(const uint32_t *a, uint32_t alen, const uint32_t *b, uint32_t blen)
{
	uint32_t i = 0;

	while (i < alen && i < blen && a[i] == b[i])
		i++;
	return i == alen || (i < blen && a[i] < b[i]);
}

/*
 * Merges the sorted k-grams with the short paths, which the view sorts already and which are all different,
 * into one sorted list of states; windows then hold state numbers.
 */
static void
merge_states(MarkovStates *states, const uint32_t **ngram, uint32_t ngrams)
{
	const CoreEnv *env = states->env;
	uint32_t *state_of_gram = CORE_ALLOC(env, uint32_t, ngrams);
	Progress progress = {env, 0};
	uint32_t next = 0; /* k-gram */

	states->gram = CORE_ALLOC(env, const uint32_t *, (size_t) ngrams + states->npaths);
	states->length = CORE_ALLOC(env, uint32_t, (size_t) ngrams + states->npaths);
	for (size_t p = 0; p <= states->npaths; p++)
	{
		const SummaryPath *path = p < states->npaths ? &states->view->paths[states->path[p]] : NULL;

		if (path && !is_short(states, path))
			continue;
		while (next < ngrams &&
			   (!path || gram_before(ngram[next], states->order, path->touches, path->ntouches)))
		{
			state_of_gram[next] = states->nstates;
			states->gram[states->nstates] = ngram[next++];
			states->length[states->nstates++] = states->order;
			progress_made(&progress, path ? 8 + (uint64_t) path->ntouches / 4 : 8);
		}
		if (path)
		{
			states->window[states->window_first[p]] = states->nstates;
			states->gram[states->nstates] = path->touches;
			states->length[states->nstates++] = path->ntouches;
			progress_made(&progress, 8 + (uint64_t) path->ntouches / 4);
		}
	}
	for (size_t p = 0; p < states->npaths; p++)
	{
		const SummaryPath *path = &states->view->paths[states->path[p]];
		uint32_t *window = states->window + states->window_first[p];
		size_t count = is_short(states, path) ? 0 : markov_window_count(states, path);

		for (size_t i = 0; i < count; i++)
			window[i] = state_of_gram[window[i]];
		progress_made(&progress, 4 + count);
	}
	core_free(env, state_of_gram);
}

CoreStatus
markov_states_build(const SummaryView *view, uint32_t order, const CoreEnv *env, MarkovStates *states)
{
	const uint32_t **gram;
	uint32_t ngrams = 0;
	uint32_t length = 1;
	CoreStatus status;

	*states = (MarkovStates){.view = view, .env = env, .order = order};
	status = collect_paths(states, view);
	if (status != CORE_OK)
		return status;
	do
	{
		uint32_t step = order - length < length ? order - length : length;

		ngrams = widen_names(states, length, step); /* at order 1, step 0 numbers the channels that occur */
		length += step;
	} while (length < order && ngrams > 0);
	gram = find_grams(states, ngrams);
	merge_states(states, gram, ngrams);
	core_free(env, gram);
	return CORE_OK;
}

void
markov_states_free(MarkovStates *states)
{
	core_free(states->env, states->path);
	core_free(states->env, states->window_first);
	core_free(states->env, states->window);
	core_free(states->env, states->gram);
	core_free(states->env, states->length);
}

/* Counts of edges while their number is still unknown; parallel to the index's keys. */
typedef struct EdgeCounts
{
	KeyIndex index; /* from << 32 | to */
	fixed128 *count;
	size_t capacity;
} EdgeCounts;

static void
add_edge(EdgeCounts *edges, uint32_t from, uint32_t to, int64_t weight)
{
	uint32_t before = edges->index.count;
	uint32_t edge = key_index_put(&edges->index, (uint64_t) from << 32 | to);

	if (edge >= edges->capacity)
	{
		size_t capacity = 2 * edges->capacity + 256;
		fixed128 *count = CORE_ALLOC(edges->index.env, fixed128, capacity);

		if (edges->count)
			memcpy(count, edges->count, edges->capacity * sizeof(fixed128));
		core_free(edges->index.env, edges->count);
		edges->count = count;
		edges->capacity = capacity;
	}
	if (edge == before)
		edges->count[edge] = weight;
	else
		edges->count[edge] += weight; /* below 2^63 journeys * 2^32 touches */
}

static void
add_path(MarkovChain *chain, EdgeCounts *edges, size_t p, bool collapse_repeats, Progress *progress)
{
	const MarkovStates *states = &chain->states;
	const SummaryPath *path = &states->view->paths[states->path[p]];
	const uint32_t *window = states->window + states->window_first[p];
	size_t count = markov_window_count(states, path);
	int64_t weight = markov_weight(path);
	uint32_t last = window[count - 1];

	for (size_t i = 1; i < count; i++)
	{
		if (!collapse_repeats || window[i] != window[i - 1])
			add_edge(edges, window[i - 1], window[i], weight);
		progress_made(progress, 16);
	}
	progress_made(progress, 32);
	chain->start[window[0]] += weight;
	chain->converted[last] += path->matured_conversions;
	chain->lost[last] += path->lost;
	chain->earned[last] += path->matured_value;
	chain->journeys += weight;
	chain->conversions += path->matured_conversions;
	chain->value += path->matured_value;
}

/* From counts in order of first sight to rows sorted by (from, to). */
static void
sort_edges(MarkovChain *chain, EdgeCounts *edges)
{
	const CoreEnv *env = chain->states.env;
	uint32_t nedges = edges->index.count;
	uint32_t nstates = chain->states.nstates;
	uint32_t *rank = key_index_ranks(&edges->index);
	Progress progress = {env, 0};
	uint32_t from = 0;

	chain->edge_first = CORE_ALLOC(env, size_t, (size_t) nstates + 1);
	chain->edge_to = CORE_ALLOC(env, uint32_t, nedges);
	chain->edge_count = CORE_ALLOC(env, fixed128, nedges);
	for (uint32_t e = 0; e < nedges; e++)
	{
		uint64_t key = edges->index.key[e];

		chain->edge_count[rank[e]] = edges->count[e];
		while (from <= key >> 32)
			chain->edge_first[from++] = e;
		chain->edge_to[e] = (uint32_t) key;
		progress_made(&progress, 8);
	}
	while (from <= nstates)
		chain->edge_first[from++] = nedges;
	core_free(env, rank);
	core_free(env, edges->count);
	key_index_free(&edges->index);
}

CoreStatus
markov_chain_build(const SummaryView *view, uint32_t order, bool collapse_repeats, const CoreEnv *env,
				   MarkovChain *chain)
{
	EdgeCounts edges = {.count = NULL};
	Progress progress = {env, 0};
	CoreStatus status;
	uint32_t nstates;

	*chain = (MarkovChain){.journeys = 0};
	status = markov_states_build(view, order, env, &chain->states);
	if (status != CORE_OK)
		return status;
	nstates = chain->states.nstates;
	chain->start = CORE_ALLOC_ZERO(env, int64_t, nstates);
	chain->converted = CORE_ALLOC_ZERO(env, int64_t, nstates);
	chain->lost = CORE_ALLOC_ZERO(env, int64_t, nstates);
	chain->earned = CORE_ALLOC_ZERO(env, fixed128, nstates);
	key_index_init(&edges.index, env);
	for (size_t p = 0; p < chain->states.npaths; p++)
		add_path(chain, &edges, p, collapse_repeats, &progress);
	sort_edges(chain, &edges);
	return CORE_OK;
}

void
markov_chain_free(MarkovChain *chain)
{
	const CoreEnv *env = chain->states.env;

	markov_states_free(&chain->states);
	core_free(env, chain->start);
	core_free(env, chain->converted);
	core_free(env, chain->lost);
	core_free(env, chain->earned);
	core_free(env, chain->edge_first);
	core_free(env, chain->edge_to);
	core_free(env, chain->edge_count);
}
