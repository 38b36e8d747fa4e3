#include "markov_graph.h"

#include "progress.h"

#define UNSEEN UINT32_MAX

/* Strongly connected components, with the depth-first search's order of leaving states. */
typedef struct Components
{
	uint32_t count;
	uint32_t *of;		 /* by state, in topological order */
	uint32_t *postorder; /* states in the order the search left them */
} Components;

/* Tarjan's algorithm on an explicit stack: paths make chains far deeper than any call stack. */
typedef struct Search
{
	const MarkovChain *chain;
	uint32_t *seen;	 /* by state: order of discovery, UNSEEN before */
	uint32_t *low;	 /* by state: earliest open state known to be reachable */
	uint32_t *open;	 /* states whose component is not finished */
	uint32_t *trail; /* states from the root to the current one */
	size_t *edge;	 /* by state: next edge to look at */
	uint32_t nseen;
	uint32_t nopen;
	uint32_t ntrail;
	uint32_t nleft;
} Search;

static void
search_enter(Search *search, uint32_t state)
{
	search->seen[state] = search->low[state] = search->nseen++;
	search->open[search->nopen++] = state;
	search->trail[search->ntrail++] = state;
	search->edge[state] = search->chain->edge_first[state];
}

/* All of the current state's edges are done: leave it, closing its component if it is the component's root. */
static void
search_leave(Search *search, Components *components)
{
	uint32_t state = search->trail[--search->ntrail];

	components->postorder[search->nleft++] = state;
	if (search->low[state] == search->seen[state])
	{
		uint32_t member;

		do
		{
			member = search->open[--search->nopen];
			components->of[member] = components->count;
			search->low[member] = UNSEEN; /* closed: of no interest as a target any more */
		} while (member != state);
		components->count++;
	}
	else
	{
		uint32_t parent = search->trail[search->ntrail - 1];

		if (search->low[state] < search->low[parent])
			search->low[parent] = search->low[state];
	}
}

static void
search_from(Search *search, uint32_t root, Components *components, Progress *progress)
{
	search_enter(search, root);
	while (search->ntrail > 0)
	{
		uint32_t state = search->trail[search->ntrail - 1];

		progress_made(progress, 16);
		if (search->edge[state] < search->chain->edge_first[state + 1])
		{
			uint32_t to = search->chain->edge_to[search->edge[state]++];

			if (search->seen[to] == UNSEEN)
				search_enter(search, to);
			else if (search->low[to] != UNSEEN && search->seen[to] < search->low[state])
				search->low[state] = search->seen[to];
		}
		else
			search_leave(search, components);
	}
}

static void
find_components(const MarkovChain *chain, Components *components)
{
	const CoreEnv *env = chain->states.env;
	uint32_t n = chain->states.nstates;
	Search search = {.chain = chain};
	Progress progress = {env, 0};

	components->count = 0;
	components->of = CORE_ALLOC(env, uint32_t, n);
	components->postorder = CORE_ALLOC(env, uint32_t, n);
	search.seen = CORE_ALLOC(env, uint32_t, n);
	search.low = CORE_ALLOC(env, uint32_t, n);
	search.open = CORE_ALLOC(env, uint32_t, n);
	search.trail = CORE_ALLOC(env, uint32_t, n);
	search.edge = CORE_ALLOC(env, size_t, n);
	for (uint32_t i = 0; i < n; i++)
		search.seen[i] = UNSEEN;
	for (uint32_t i = 0; i < n; i++)
	{
		if (search.seen[i] == UNSEEN)
			search_from(&search, i, components, &progress);
		progress_made(&progress, 2);
	}
	/* components close in reverse topological order */
	for (uint32_t i = 0; i < n; i++)
		components->of[i] = components->count - 1 - components->of[i];
	core_free(env, search.seen);
	core_free(env, search.low);
	core_free(env, search.open);
	core_free(env, search.trail);
	core_free(env, search.edge);
}

/* Stable counting sort of n items by key below nkeys; returns where each key begins. */
static uint32_t *
sort_by(const CoreEnv *env, uint32_t *item, uint32_t n, const uint32_t *key_of_item, uint32_t nkeys)
{
	uint32_t *first = CORE_ALLOC_ZERO(env, uint32_t, (size_t) nkeys + 1);
	uint32_t *sorted = CORE_ALLOC(env, uint32_t, n);
	uint32_t sum = 0;
	Progress progress = {env, 0};

	for (uint32_t i = 0; i < n; i++)
		first[key_of_item[item[i]]]++;
	for (uint32_t k = 0; k <= nkeys; k++)
	{
		uint32_t size = first[k];

		first[k] = sum;
		sum += size;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		sorted[first[key_of_item[item[i]]]++] = item[i];
		progress_made(&progress, 8);
	}
	for (uint32_t i = 0; i < n; i++)
		item[i] = sorted[i];
	for (uint32_t k = nkeys; k > 0; k--)
		first[k] = first[k - 1];
	first[0] = 0;
	core_free(env, sorted);
	return first;
}

/* Edges that lead backwards within a component make an iteration wait for its next sweep: count them. */
static void
count_back_edges(const MarkovChain *chain, const Components *components, const uint32_t *order, int sign,
				 int64_t *balance)
{
	const CoreEnv *env = chain->states.env;
	uint32_t n = chain->states.nstates;
	uint32_t *position = CORE_ALLOC(env, uint32_t, n);
	Progress progress = {env, 0};

	for (uint32_t i = 0; i < n; i++)
		position[order[i]] = i;
	for (uint32_t i = 0; i < n; i++)
	{
		for (size_t e = chain->edge_first[i]; e < chain->edge_first[i + 1]; e++)
		{
			uint32_t to = chain->edge_to[e];

			if (components->of[to] == components->of[i] && position[to] < position[i])
				balance[components->of[i]] += sign;
		}
		progress_made(&progress, 4 * (chain->edge_first[i + 1] - chain->edge_first[i] + 1));
	}
	core_free(env, position);
}

/*
 * The new numbering. Within a component states stay sorted
 * by their grams, which lets neighbours share predecessors, unless the depth-first order (leaving
 * order reversed) has less than half the backward edges, as it has where walks hardly branch.
 */
static void
number_states(const MarkovChain *chain, MarkovGraph *graph)
{
	const CoreEnv *env = graph->env;
	uint32_t n = graph->nstates;
	Components components;
	uint32_t *by_gram;
	uint32_t *by_search = CORE_ALLOC(env, uint32_t, n);
	int64_t *balance;

	find_components(chain, &components);
	balance = CORE_ALLOC_ZERO(env, int64_t, components.count);
	for (uint32_t i = 0; i < n; i++)
		by_search[i] = components.postorder[n - 1 - i];
	by_gram = CORE_ALLOC(env, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		by_gram[i] = i;
	count_back_edges(chain, &components, by_gram, 1, balance);
	count_back_edges(chain, &components, by_search, -2, balance);
	core_free(env, sort_by(env, by_search, n, components.of, components.count));
	graph->forward.component_first = sort_by(env, by_gram, n, components.of, components.count);
	for (uint32_t i = 0; i < n; i++)
	{
		if (balance[components.of[by_gram[i]]] > 0)
			by_gram[i] = by_search[i];
	}
	graph->state = by_gram;
	graph->forward.ncomponents = components.count;
	core_free(env, components.of);
	core_free(env, components.postorder);
	core_free(env, by_search);
	core_free(env, balance);
}

static void
alloc_flow(FlowGraph *flow, const CoreEnv *env, uint32_t n, size_t nedges)
{
	flow->nstates = n;
	flow->first = CORE_ALLOC_ZERO(env, size_t, (size_t) n + 2);
	flow->inner = CORE_ALLOC(env, size_t, n);
	flow->from = CORE_ALLOC(env, uint32_t, nedges);
	flow->count = CORE_ALLOC(env, double, nedges);
	flow->component = CORE_ALLOC(env, uint32_t, n);
}

/* first[i + 2] holds the number of edges into i; afterwards first[i + 1] is where the next one of i goes. */
static void
open_slots(FlowGraph *flow)
{
	for (uint32_t i = 0; i < flow->nstates; i++)
		flow->first[i + 2] += flow->first[i + 1];
}

static inline void
put_edge(FlowGraph *flow, uint32_t from, uint32_t to, double count)
{
	size_t at = flow->first[(size_t) to + 1]++;

	flow->from[at] = from;
	flow->count[at] = count;
}

static void
label_components(FlowGraph *flow)
{
	for (uint32_t c = 0; c < flow->ncomponents; c++)
	{
		for (uint32_t i = flow->component_first[c]; i < flow->component_first[c + 1]; i++)
			flow->component[i] = c;
	}
}

/* For each state, where the predecessors from its own component begin: at the end, as they ascend. */
static void
split_edges(FlowGraph *flow, Progress *progress)
{
	for (uint32_t i = 0; i < flow->nstates; i++)
	{
		uint32_t own = flow->component_first[flow->component[i]];
		size_t e = flow->first[i + 1];

		while (e > flow->first[i] && flow->from[e - 1] >= own)
			e--;
		flow->inner[i] = e;
		progress_made(progress, 4 + flow->first[i + 1] - e);
	}
}

/* Numbers of a state; those that are sums are exact before they are rounded to doubles. */
static void
fill_states(const MarkovChain *chain, MarkovGraph *graph, const uint32_t *number)
{
	FlowGraph *forward = &graph->forward;
	Progress progress = {graph->env, 0};

	for (uint32_t i = 0; i < graph->nstates; i++)
	{
		uint32_t s = graph->state[i];
		fixed128 ended = (fixed128) chain->converted[s] + chain->lost[s];
		fixed128 leave = ended;

		for (size_t e = chain->edge_first[s]; e < chain->edge_first[s + 1]; e++)
		{
			uint32_t to = number[chain->edge_to[e]];

			if (to == i)
				continue;
			if (forward->component[to] != forward->component[i])
				leave += chain->edge_count[e];
			forward->first[(size_t) to + 2]++;
			progress_made(&progress, 8);
		}
		graph->start[i] = (double) chain->start[s];
		graph->ended[i] = (double) ended;
		graph->converted[i] = (double) chain->converted[s];
		graph->earned[i] = fixed_to_double(chain->earned[s]);
		graph->leave[i] = (double) leave;
		progress_made(&progress, 32);
	}
}

static void
fill_forward(const MarkovChain *chain, MarkovGraph *graph, const uint32_t *number)
{
	Progress progress = {graph->env, 0};

	open_slots(&graph->forward);
	for (uint32_t i = 0; i < graph->nstates; i++)
	{
		uint32_t s = graph->state[i];

		for (size_t e = chain->edge_first[s]; e < chain->edge_first[s + 1]; e++)
		{
			uint32_t to = number[chain->edge_to[e]];

			if (to != i)
				put_edge(&graph->forward, i, to, (double) chain->edge_count[e]);
			progress_made(&progress, 8);
		}
		progress_made(&progress, 4);
	}
	split_edges(&graph->forward, &progress);
}

/* The transpose of forward, numbered from the other end. */
static void
fill_backward(MarkovGraph *graph)
{
	const FlowGraph *forward = &graph->forward;
	FlowGraph *backward = &graph->backward;
	uint32_t last = graph->nstates - 1;
	Progress progress = {graph->env, 0};

	for (size_t e = 0; e < forward->first[graph->nstates]; e++)
	{
		backward->first[(size_t) (last - forward->from[e]) + 2]++;
		progress_made(&progress, 4);
	}
	open_slots(backward);
	for (uint32_t i = graph->nstates; i-- > 0;)
	{
		for (size_t e = forward->first[i]; e < forward->first[i + 1]; e++)
		{
			put_edge(backward, last - i, last - forward->from[e], forward->count[e]);
			progress_made(&progress, 8);
		}
		progress_made(&progress, 4);
	}
	backward->ncomponents = forward->ncomponents;
	backward->component_first = CORE_ALLOC(graph->env, uint32_t, (size_t) forward->ncomponents + 1);
	for (uint32_t c = 0; c <= forward->ncomponents; c++)
		backward->component_first[c] = graph->nstates - forward->component_first[forward->ncomponents - c];
	label_components(backward);
	split_edges(backward, &progress);
}

void
markov_graph_build(const MarkovChain *chain, MarkovGraph *graph)
{
	const CoreEnv *env = chain->states.env;
	uint32_t n = chain->states.nstates;
	uint32_t *number; /* by state of the chain */

	*graph = (MarkovGraph){.env = env, .nstates = n};
	alloc_flow(&graph->forward, env, n, chain->edge_first[n]);
	alloc_flow(&graph->backward, env, n, chain->edge_first[n]);
	graph->start = CORE_ALLOC(env, double, n);
	graph->ended = CORE_ALLOC(env, double, n);
	graph->leave = CORE_ALLOC(env, double, n);
	graph->converted = CORE_ALLOC(env, double, n);
	graph->earned = CORE_ALLOC(env, double, n);
	number_states(chain, graph);
	number = CORE_ALLOC(env, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		number[graph->state[i]] = i;
	label_components(&graph->forward);
	fill_states(chain, graph, number);
	fill_forward(chain, graph, number);
	fill_backward(graph);
	core_free(env, number);
}

static void
free_flow(FlowGraph *flow, const CoreEnv *env)
{
	core_free(env, flow->first);
	core_free(env, flow->inner);
	core_free(env, flow->from);
	core_free(env, flow->count);
	core_free(env, flow->component);
	core_free(env, flow->component_first);
}

void
markov_graph_free(MarkovGraph *graph)
{
	free_flow(&graph->forward, graph->env);
	free_flow(&graph->backward, graph->env);
	core_free(graph->env, graph->state);
	core_free(graph->env, graph->start);
	core_free(graph->env, graph->ended);
	core_free(graph->env, graph->leave);
	core_free(graph->env, graph->converted);
	core_free(graph->env, graph->earned);
}
