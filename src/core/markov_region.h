/*
 * The part of a chain that has to be solved for a block of channels.
 *
 * A walk meets channel c when it enters a state whose last touch is c, or starts in a state that contains c;
 * no other step can lead from a state without c into one with it, as neighbouring k-grams share their other
 * touches. Before it, flows are those of the whole chain, which are known to be the counted visits. So only
 * states that may come after c, and that may still lead to c, need an equation; in chains without returns
 * there are none.
 */
#ifndef ATTRIB_MARKOV_REGION_H
#define ATTRIB_MARKOV_REGION_H

#include "markov_chance.h"
#include "markov_graph.h"

/* A start that contains a channel, but does not end in it: the channel's last touch is `age` touches back. */
typedef struct ChannelStart
{
	uint32_t state;
	uint32_t age;
} ChannelStart;

/*
 * The region of the current block, and what is needed to find one. Marks by state of the graph are zero
 * between blocks.
 */
typedef struct Region
{
	const MarkovChain *chain;
	const MarkovGraph *graph;
	const CoreEnv *env;
	Progress progress;
	size_t *ends_first; /* by channel: states whose last touch it is */
	uint32_t *ends;
	size_t *starts_first; /* by channel: starts that hold it further back */
	ChannelStart *starts;
	uint8_t *mark;	  /* REGION_... */
	uint8_t *holds;	  /* one bit a lane: the state contains the lane's channel */
	uint32_t *age;	  /* of the channel in such a state, while its lane is marked */
	uint32_t *number; /* by state: in the region */
	uint32_t *reached;
	uint32_t nreached;
	uint32_t *state; /* by number; ascending, as the graph is */
	uint32_t nstates;
	ChanceSystem system; /* by number; its arrays are those that follow */
	size_t *first;
	uint32_t *from;
	double *count;
	double *entering;
	double *total;
	double *leave;
	uint8_t *stopped;
} Region;

enum
{
	REGION_REACHED = 1, /* may come after a state of the block's channels */
	REGION_MEMBER = 2,	/* and may lead to one that ends in them, or is one */
};

extern void region_init(Region *region, const MarkovChain *chain, const MarkovGraph *graph);
extern void region_free(Region *region);

/* Finds the region of up to LANES channels, and its equations; region_close() before the next. */
extern void region_open(Region *region, const uint32_t *channel, int nchannels);
extern void region_close(Region *region);

#endif
