/*
 * The growing form of a journey summary: a channel dictionary and a hash table of encoded paths.
 *
 * It is an expanded object, so that journey_summary itself can be the aggregate's state: PostgreSQL hands the
 * same read-write pointer back on every row, and flattens it by itself when it has to leave the process
 * (parallel workers, spilled groups, distributed engines). See utils/expandeddatum.h.
 */
#ifndef ATTRIB_SUMMARY_STATE_H
#define ATTRIB_SUMMARY_STATE_H

#include "attrib.h"
#include "channel_dict.h"
#include "utils/expandeddatum.h"

/*
 * A path's own bytes are its channel numbers as varints: most have at most eight touches of fewer than 128
 * channels and stay inside the entry, so that finding one touches a single cache line beyond the slot.
 * Journeys that earn nothing are the most by far, so what only conversions need lives in a detail.
 */
typedef struct PathEntry
{
	int64 lost;
	int64 open;
	union
	{
		uint8 inside[8];
		uint8 *outside;
	} bytes;
	uint32 nbytes;
	uint32 ntouches;
	uint32 detail; /* place in details + 1; 0 before the first conversion */
} PathEntry;

static inline const uint8 *
path_entry_bytes(const PathEntry *entry)
{
	return entry->nbytes <= sizeof(entry->bytes.inside) ? entry->bytes.inside : entry->bytes.outside;
}

/* The channel whose varint begins at *at, which moves behind it. */
static inline uint32
path_entry_channel(const uint8 **at)
{
	uint32 channel = **at & 0x7f;

	for (int shift = 7; *(*at)++ & 0x80; shift += 7)
		channel |= (uint32) (**at & 0x7f) << shift;
	return channel;
}

typedef struct PathDetail
{
	fixed128 value;
	fixed128 matured_value;
	FixedSquare squares;
	int64 conversions;
	int64 matured_conversions;
	/*
	 * Clock-decayed credit of the path's distinct channels in order of first appearance, when the summary
	 * keeps a half-life and there is more than one channel.
	 */
	struct DecaySum *decay;
	uint32 ndecay;
} PathDetail;

typedef struct DecaySum
{
	fixed128 conversions; /* units of 2^-60 */
	fixed128 value;
} DecaySum;

/*
 * A journey of a short path on its way into the table. Looking a path up waits for memory up to three times: for
 * its slot, its entry and its detail; a dozen of them looked up together wait at the same time.
 */
typedef struct QueuedPath
{
	uint64 word; /* its bytes */
	fixed128 value;
	uint32 hash;
	uint32 ntouches;
	uint32 entry; /* once found */
	bool converted;
} QueuedPath;

#define PATH_QUEUE 16

#define SUMMARY_STATE_MAGIC 0x4A53554D

typedef struct SummaryState
{
	ExpandedObjectHeader hdr;
	int magic;
	bool meta_set; /* options are those of the first row or part; later ones must agree */
	SummaryMeta meta;
	ChannelDict *channels; /* the state's own, or its maker's: parts of one log share one */
	struct pathslot_hash *slots;
	PathEntry *entries;
	PathDetail *details;
	uint8 *arena; /* where the bytes of longer paths go */
	size_t arena_left;
	uint32 nentries;
	uint32 entries_capacity;
	uint32 ndetails;
	uint32 details_capacity;
	int64 journeys;	   /* converted, lost and open: all counts together fit int64 */
	QueuedPath *queue; /* made once there are enough paths for memory to matter */
	int queued;
	size_t text_floor; /* least size of the text form so far, to stop before memory is gone */
	/*
	 * Summaries that were added whole. They are sorted, so they are merged as streams when the value is asked for,
	 * which is several times faster than putting each of their paths into the hash table; or before, when
	 * together they outgrow `merged`, so that a long rollup keeps little more than its result.
	 */
	struct varlena **parts;
	uint32 nparts;
	uint32 parts_capacity;
	Size parts_size;
	Size merged_size; /* of parts[0], if it came from merging */
	uint32 *scratch;  /* for callers that collect a path, see summary_state_scratch() */
	uint32 scratch_capacity;
	struct varlena *flat;		/* cache of the flat form; dropped by every change */
	MemoryContext flat_context; /* which it has to itself, if it is large */
} SummaryState;

/*
 * A new, empty state in a child of `parent`. `channels` is a dictionary to share, which must live as long; NULL
 * makes one.
 */
extern SummaryState *summary_state_create(MemoryContext parent, ChannelDict *channels);

extern void summary_state_drop_flat(SummaryState *state);

/* To be told of every change, also by those who change meta themselves: the flat form is of yesterday then. */
static inline void
summary_state_changed(SummaryState *state)
{
	if (unlikely(state->flat))
		summary_state_drop_flat(state);
}

/* The state behind a read-write expanded datum, or NULL if the datum is something else. */
extern SummaryState *summary_state_of(Datum datum);

/* One journey's or row's worth of counts for a path; `touches` are numbers of state->channels. */
typedef struct PathCounts
{
	int64 conversions;
	int64 lost;
	int64 open;
	int64 matured_conversions;
	fixed128 value;
	fixed128 matured_value;
	FixedSquare squares;
	const uint64
		*weights; /* a single conversion's decay, per touch in units of 2^-60, summing to 2^60; or NULL */
	const SummaryPath *from; /* or the decoded path whose decayed credits are to be added; or NULL */
	uint32 from_channels;	 /* number of channels where `from` comes from */
} PathCounts;

/* All that a decoded path has, of a summary of so many channels. */
static inline PathCounts
path_counts(const SummaryPath *path, uint32 nchannels)
{
	return (PathCounts){.conversions = path->conversions,
						.lost = path->lost,
						.open = path->open,
						.matured_conversions = path->matured_conversions,
						.value = path->value,
						.matured_value = path->matured_value,
						.squares = path->squares,
						.from = path,
						.from_channels = nchannels};
}

extern void summary_state_add(SummaryState *state, const uint32 *touches, uint32 ntouches,
							  const PathCounts *counts);

/* Room for a path of so many touches, until the next call. */
extern uint32 *summary_state_scratch(SummaryState *state, uint32 ntouches);

/* One lost journey, or one that converted and matured and has no decayed credit: the frequent cases. */
extern void summary_state_add_lost(SummaryState *state, const uint32 *touches, uint32 ntouches);
extern void summary_state_add_converted(SummaryState *state, const uint32 *touches, uint32 ntouches,
										fixed128 value);

/* Makes the options of a part those of the whole, or raises 22023 if they differ. */
extern void summary_state_set_meta(SummaryState *state, const SummaryMeta *meta);

/* Adds all of a flat summary, which is copied. */
extern void summary_state_add_flat(SummaryState *state, struct varlena *flat);

/* Adds all of a decoded summary, path by path. `map` gives its channels' numbers in the state; NULL: by their names. */
extern void summary_state_merge(SummaryState *state, const SummaryView *view, const SummaryMeta *meta,
								const uint32 *map);

/* The canonical flat value, cached in the state. */
extern struct varlena *summary_state_flat(SummaryState *state);

/* For transition functions: the state of this call, argument 0, made if there is none. */
extern SummaryState *summary_state_arg(FunctionCallInfo fcinfo);

/* A text[] as numbers of the state's channels, in its scratch; the length is returned. NULL is the empty path. */
extern uint32 summary_state_path(SummaryState *state, Datum path, bool isnull, uint32 **touches);

/* 54000 with the limit and a hint. */
pg_noreturn extern void summary_too_large(void);

/* ---------------------------------------------------------------- between the files of the state */

extern const ExpandedObjectMethods summary_state_methods;

/* Room for the queued paths' counts: all that were added are in the table. */
extern void summary_state_flush(SummaryState *state);

/* The canonical order of what is in the table. */
typedef struct PathOrder
{
	uint32 nchannels; /* that are on some path */
	const char **names;
	uint32 *number; /* of a channel of the dictionary among them */
	uint32 *entry;	/* [nentries] */
	uint32 longest_path;
} PathOrder;

/* All arrays are allocated in the current context. */
extern void summary_state_order(const SummaryState *state, PathOrder *order);

/* Counts journeys of all outcomes, which together must fit int64 (22003). */
extern void summary_state_count(SummaryState *state, int64 a, int64 b, int64 c);

/* place[i] = order of first appearance of touch i's channel on its path; returns how many there are. */
extern uint32 first_appearances(uint32 nchannels, const uint32 *touches, uint32 ntouches, uint32 *place);

extern void summary_add_weights(SummaryState *state, PathDetail *detail, const uint32 *touches,
								uint32 ntouches, const PathCounts *counts);
extern void summary_add_credits(SummaryState *state, PathDetail *detail, const uint32 *touches,
								const SummaryPath *from, uint32 from_channels);

#endif
