#include "markov_region.h"

#include <stdlib.h>

static uint32_t
last_touch(const Region *region, uint32_t i)
{
	const MarkovStates *states = &region->chain->states;
	uint32_t s = region->graph->state[i];

	return states->gram[s][states->length[s] - 1];
}

static void
list_ends(Region *region, uint32_t nchannels)
{
	uint32_t n = region->graph->nstates;

	region->ends_first = CORE_ALLOC_ZERO(region->env, size_t, (size_t) nchannels + 2);
	region->ends = CORE_ALLOC(region->env, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		region->ends_first[(size_t) last_touch(region, i) + 2]++;
	for (uint32_t c = 0; c < nchannels; c++)
		region->ends_first[(size_t) c + 2] += region->ends_first[(size_t) c + 1];
	for (uint32_t i = 0; i < n; i++)
		region->ends[region->ends_first[(size_t) last_touch(region, i) + 1]++] = i;
}

/* One walk over the starts, to count them or to list them; the latest occurrence of a channel tells its age. */
static void
walk_starts(Region *region, uint32_t *stamp, bool counting)
{
	const MarkovStates *states = &region->chain->states;

	for (uint32_t i = 0; i < region->graph->nstates; i++)
	{
		uint32_t s = region->graph->state[i];

		progress_made(&region->progress, 4);
		if (region->graph->start[i] == 0)
			continue;
		for (uint32_t age = 0; age < states->length[s]; age++)
		{
			uint32_t channel = states->gram[s][states->length[s] - 1 - age];

			if (stamp[channel] == i + 1)
				continue;
			stamp[channel] = i + 1;
			if (age == 0)
				continue; /* among the states that end in it */
			if (counting)
				region->starts_first[(size_t) channel + 2]++;
			else
				region->starts[region->starts_first[(size_t) channel + 1]++] = (ChannelStart){i, age};
		}
		progress_made(&region->progress, 4 * (uint64_t) states->length[s]);
	}
}

static void
list_starts(Region *region, uint32_t nchannels)
{
	uint32_t *stamp = CORE_ALLOC_ZERO(region->env, uint32_t, nchannels);

	region->starts_first = CORE_ALLOC_ZERO(region->env, size_t, (size_t) nchannels + 2);
	walk_starts(region, stamp, true);
	for (uint32_t c = 0; c < nchannels; c++)
	{
		region->starts_first[(size_t) c + 2] += region->starts_first[(size_t) c + 1];
		stamp[c] = 0;
	}
	region->starts = CORE_ALLOC(region->env, ChannelStart, region->starts_first[(size_t) nchannels + 1]);
	walk_starts(region, stamp, false);
	core_free(region->env, stamp);
}

void
region_init(Region *region, const MarkovChain *chain, const MarkovGraph *graph)
{
	const CoreEnv *env = graph->env;
	uint32_t n = graph->nstates;
	size_t nedges = graph->forward.first[n];

	*region = (Region){.chain = chain, .graph = graph, .env = env, .progress = {env, 0}};
	list_ends(region, chain->states.view->nchannels);
	list_starts(region, chain->states.view->nchannels);
	region->mark = CORE_ALLOC_ZERO(env, uint8_t, n);
	region->holds = CORE_ALLOC_ZERO(env, uint8_t, n);
	region->age = CORE_ALLOC(env, uint32_t, n);
	region->number = CORE_ALLOC(env, uint32_t, n);
	region->reached = CORE_ALLOC(env, uint32_t, n);
	region->state = CORE_ALLOC(env, uint32_t, n);
	region->first = CORE_ALLOC(env, size_t, (size_t) n + 1);
	region->from = CORE_ALLOC(env, uint32_t, nedges);
	region->count = CORE_ALLOC(env, double, nedges);
	region->entering = CORE_ALLOC(env, double, n);
	region->total = CORE_ALLOC(env, double, n);
	region->leave = CORE_ALLOC(env, double, n);
	region->stopped = CORE_ALLOC(env, uint8_t, n);
	region->system = (ChanceSystem){.first = region->first,
									.from = region->from,
									.count = region->count,
									.known = region->entering,
									.all = region->entering,
									.total = region->total,
									.leave = region->leave,
									.stopped = region->stopped,
									.guess = 1};
}

void
region_free(Region *region)
{
	core_free(region->env, region->ends_first);
	core_free(region->env, region->ends);
	core_free(region->env, region->starts_first);
	core_free(region->env, region->starts);
	core_free(region->env, region->mark);
	core_free(region->env, region->holds);
	core_free(region->env, region->age);
	core_free(region->env, region->number);
	core_free(region->env, region->reached);
	core_free(region->env, region->state);
	core_free(region->env, region->first);
	core_free(region->env, region->from);
	core_free(region->env, region->count);
	core_free(region->env, region->entering);
	core_free(region->env, region->total);
	core_free(region->env, region->leave);
	core_free(region->env, region->stopped);
}

/* No state from here on can lead to one that ends in the block's channels. */
static uint32_t
region_limit(const Region *region, const uint32_t *channel, int nchannels)
{
	const FlowGraph *forward = &region->graph->forward;
	uint32_t limit = 0;

	for (int l = 0; l < nchannels; l++)
	{
		uint32_t c = channel[l];

		if (region->ends_first[c] < region->ends_first[c + 1])
		{
			uint32_t last = region->ends[region->ends_first[c + 1] - 1]; /* they ascend */
			uint32_t end = forward->component_first[forward->component[last] + 1];

			limit = end > limit ? end : limit;
		}
	}
	return limit;
}

/* A state that contains the lane's channel: nothing more is in question there. */
static void
hold(Region *region, uint32_t i, uint32_t age, int lane)
{
	region->holds[i] |= 1 << lane;
	region->age[i] = age;
	if (!region->mark[i])
	{
		region->mark[i] = REGION_REACHED;
		region->reached[region->nreached++] = i;
	}
}

/*
 * Marks all states below `limit` that contain the lane's channel. They are those that end in it, the starts,
 * and what follows on either while the channel moves back by a touch a step.
 */
static void
mark_channel(Region *region, uint32_t channel, int lane, uint32_t limit)
{
	const FlowGraph *backward = &region->graph->backward;
	uint32_t last = region->graph->nstates - 1;
	uint32_t count = 0;

	for (size_t k = region->ends_first[channel]; k < region->ends_first[channel + 1]; k++)
	{
		hold(region, region->ends[k], 0, lane);
		region->state[count++] = region->ends[k];
	}
	for (size_t k = region->starts_first[channel]; k < region->starts_first[channel + 1]; k++)
	{
		ChannelStart start = region->starts[k];

		if (start.state >= limit)
			continue;
		hold(region, start.state, start.age, lane);
		region->state[count++] = start.state;
	}
	for (uint32_t at = 0; at < count; at++)
	{
		uint32_t i = last - region->state[at];
		uint32_t age = region->age[region->state[at]] + 1;

		if (age >= region->chain->states.order)
			continue;
		for (size_t e = backward->first[i]; e < backward->first[i + 1]; e++)
		{
			uint32_t next = last - backward->from[e];

			if (next < limit && !(region->holds[next] >> lane & 1))
			{
				hold(region, next, age, lane);
				region->state[count++] = next;
			}
		}
		progress_made(&region->progress, 8 + 4 * (backward->first[i + 1] - backward->first[i]));
	}
}

/*
 * Breadth-first along edges of `flow` (which may be numbered from the other end), to states whose marks
 * include `needed` but not yet `mark`.
 */
static uint32_t
spread(Region *region, const FlowGraph *flow, bool mirrored, uint32_t *queue, uint32_t count, uint32_t limit,
	   uint8_t needed, uint8_t mark)
{
	uint32_t last = region->graph->nstates - 1;

	for (uint32_t at = 0; at < count; at++)
	{
		uint32_t i = mirrored ? last - queue[at] : queue[at];

		for (size_t e = flow->first[i]; e < flow->first[i + 1]; e++)
		{
			uint32_t next = mirrored ? last - flow->from[e] : flow->from[e];

			if (next < limit && (region->mark[next] & (needed | mark)) == needed)
			{
				region->mark[next] |= mark;
				queue[count++] = next;
			}
		}
		progress_made(&region->progress, 8 + 4 * (flow->first[i + 1] - flow->first[i]));
	}
	return count;
}

static int
compare_states(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *) a;
	uint32_t right = *(const uint32_t *) b;

	return left < right ? -1 : left > right;
}

/* Lists the members in topological order: by sorting if they are few, else by looking through the marks. */
static void
sort_members(Region *region, uint32_t limit)
{
	if (region->nstates < 65536 && region->nstates < limit / 16)
		qsort(region->state, region->nstates, sizeof(uint32_t), compare_states);
	else
	{
		uint32_t count = 0;

		for (uint32_t i = 0; i < limit; i++)
		{
			if (region->mark[i] & REGION_MEMBER)
				region->state[count++] = i;
		}
	}
}

/*
 * Equations of the members. A predecessor that is no member was not reached either, or it would be one: it
 * comes before all channels of the block, and all that was counted there is on its way.
 */
static void
write_system(Region *region)
{
	const MarkovGraph *graph = region->graph;
	const FlowGraph *forward = &graph->forward;
	size_t edge = 0;

	region->first[0] = 0;
	for (uint32_t k = 0; k < region->nstates; k++)
		region->number[region->state[k]] = k;
	for (uint32_t k = 0; k < region->nstates; k++)
	{
		uint32_t i = region->state[k];
		double entering = graph->start[i];

		for (size_t e = forward->first[i]; e < forward->first[i + 1]; e++)
		{
			uint32_t from = forward->from[e];

			if (region->mark[from] & REGION_MEMBER)
			{
				region->from[edge] = region->number[from];
				region->count[edge++] = forward->count[e];
			}
			else
				entering += forward->count[e];
		}
		region->first[k + 1] = edge;
		region->entering[k] = entering;
		region->total[k] = chance_total(&region->system, k);
		region->leave[k] = graph->leave[i];
		region->stopped[k] = region->holds[i];
		progress_made(&region->progress, 8 + 8 * (forward->first[i + 1] - forward->first[i]));
	}
}

void
region_open(Region *region, const uint32_t *channel, int nchannels)
{
	uint32_t limit = region_limit(region, channel, nchannels);

	region->nreached = 0;
	for (int l = 0; l < nchannels; l++)
		mark_channel(region, channel[l], l, limit);
	region->nreached = spread(region, &region->graph->backward, true, region->reached, region->nreached,
							  limit, 0, REGION_REACHED);
	region->nstates = 0;
	for (int l = 0; l < nchannels; l++)
	{
		for (size_t k = region->ends_first[channel[l]]; k < region->ends_first[channel[l] + 1]; k++)
		{
			region->mark[region->ends[k]] |= REGION_MEMBER;
			region->state[region->nstates++] = region->ends[k];
		}
	}
	region->nstates = spread(region, &region->graph->forward, false, region->state, region->nstates, limit,
							 REGION_REACHED, REGION_MEMBER);
	sort_members(region, limit);
	write_system(region);
}

void
region_close(Region *region)
{
	for (uint32_t k = 0; k < region->nreached; k++)
	{
		region->mark[region->reached[k]] = 0;
		region->holds[region->reached[k]] = 0;
	}
}
