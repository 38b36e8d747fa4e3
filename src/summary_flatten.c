/*
 * From the growing form of a summary to its flat bytes: paths in canonical order, and summaries that were added
 * whole merged in.
 */
#include "summary_state.h"

#include "core/summary_flat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* ---------------------------------------------------------------- canonical form */

static int
compare_credits(const void *a, const void *b)
{
	uint32 x = ((const DecayCredit *) a)->channel;
	uint32 y = ((const DecayCredit *) b)->channel;

	return x < y ? -1 : x > y;
}

static void
canonical_decay(const SummaryState *state, const PathDetail *detail, SummaryPath *path)
{
	DecayCredit *credits = palloc_extended(detail->ndecay * sizeof(DecayCredit), MCXT_ALLOC_HUGE);
	uint32 *place = palloc_extended(path->ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);

	(void) first_appearances(state->channels->size, path->touches, path->ntouches, place);
	for (uint32 i = path->ntouches; i-- > 0;)
	{
		credits[place[i]].channel = path->touches[i];
		credits[place[i]].conversions = detail->decay[place[i]].conversions;
		credits[place[i]].value = detail->decay[place[i]].value;
	}
	qsort(credits, detail->ndecay, sizeof(DecayCredit), compare_credits);
	path->decay = credits;
	path->ndecay = detail->ndecay;
	pfree(place);
}

static void
canonical_path(const SummaryState *state, const PathEntry *entry, const uint32 *touches, SummaryPath *path)
{
	summary_path_begin(path, touches, entry->ntouches);
	path->lost = entry->lost;
	path->open = entry->open;
	if (entry->detail)
	{
		const PathDetail *detail = &state->details[entry->detail - 1];

		path->conversions = detail->conversions;
		path->matured_conversions = detail->matured_conversions;
		path->value = detail->value;
		path->matured_value = detail->matured_value;
		path->squares = detail->squares;
		if (detail->decay)
			canonical_decay(state, detail, path);
	}
}

/* ---------------------------------------------------------------- flat form */

static void
set_flat_size(FlatBytes *flat)
{
	SET_VARSIZE(flat->bytes, flat->size);
}

static void
check_flat(CoreStatus status)
{
	if (status == CORE_TOO_LARGE)
		summary_too_large();
	if (status == CORE_OVERFLOW)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the value of a journey summary is out of range"),
						errdetail("The sum of values must stay below 9.2e18.")));
	attrib_check_status(status, "journey summary");
}

/*
 * Neither kind of counts is aligned to cache lines, so both ends are asked for. Inlined by force: gcc 12 takes a
 * function that only prefetches for one without effect and drops its calls.
 */
static pg_attribute_always_inline void
prefetch_ends(const void *first, Size size)
{
	__builtin_prefetch(first);
	__builtin_prefetch((const char *) first + size - 1);
}

/* In sorted order the counts lie all over memory: ask for those of the paths that come soon. */
static pg_attribute_always_inline void
prefetch_counts(const SummaryState *state, const PathOrder *order, uint32 i)
{
	if (i + 16 < state->nentries)
		prefetch_ends(&state->entries[order->entry[i + 16]], sizeof(PathEntry));
	if (i + 8 < state->nentries)
	{
		uint32 detail = state->entries[order->entry[i + 8]].detail;

		if (detail)
			prefetch_ends(&state->details[detail - 1], sizeof(PathDetail));
	}
}

/* The hash table's paths, in the current context. */
static FlatBytes
encode_entries(SummaryState *state)
{
	PathOrder order;
	uint32 *touches; /* of a path and of the one before it, which the writer still looks at */
	FlatWriter writer;
	FlatBytes flat;

	summary_state_flush(state);
	summary_state_order(state, &order);
	touches = palloc_extended(2 * (order.longest_path + QUICK_TOUCHES) * sizeof(uint32), MCXT_ALLOC_HUGE);
	flat_writer_begin(&writer, order.names, order.nchannels, &state->meta, VARHDRSZ,
					  (size_t) state->nentries * 6 + (size_t) state->ndetails * 12, attrib_env());
	for (uint32 i = 0; i < state->nentries; i++)
	{
		const PathEntry *entry = &state->entries[order.entry[i]];
		const uint8 *at = path_entry_bytes(entry);
		uint32 *own = touches + (i % 2 ? order.longest_path + QUICK_TOUCHES : 0);
		SummaryPath path;

		prefetch_counts(state, &order, i);
		for (uint32 j = 0; j < entry->ntouches; j++)
			own[j] = order.number[path_entry_channel(&at)];
		canonical_path(state, entry, own, &path);
		check_flat(flat_writer_put(&writer, &path));
	}
	check_flat(flat_writer_end(&writer, &flat));
	set_flat_size(&flat);
	pfree(touches);
	pfree(order.entry);
	pfree(order.number);
	pfree(order.names);
	return flat;
}

static FlatBytes
merge_parts(SummaryState *state, const FlatBytes *entries)
{
	FlatBytes *inputs = palloc((state->nparts + 1) * sizeof(FlatBytes));
	uint32 ninputs = 0;
	FlatBytes flat;

	for (uint32 i = 0; i < state->nparts; i++)
		inputs[ninputs++] =
			(FlatBytes){(uint8_t *) VARDATA(state->parts[i]), VARSIZE(state->parts[i]) - VARHDRSZ};
	if (entries)
		inputs[ninputs++] = (FlatBytes){entries->bytes + VARHDRSZ, entries->size - VARHDRSZ};
	check_flat(summary_flat_merge(inputs, ninputs, &state->meta, VARHDRSZ, attrib_env(), &flat));
	set_flat_size(&flat);
	return flat;
}

static struct varlena *
copy_flat(const SummaryState *state, const FlatBytes *flat)
{
	struct varlena *kept = MemoryContextAllocHuge(state->hdr.eoh_context, flat->size);

	memcpy(kept, flat->bytes, flat->size);
	return kept;
}

/* Beyond this, parts are merged once they have grown to three times what the last merge left. */
#define PARTS_SIZE_LIMIT ((Size) 4 * 1024 * 1024)

/* All parts become one. */
static void
compact_parts(SummaryState *state)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "rollup", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(scratch);
	FlatBytes flat = merge_parts(state, NULL);
	struct varlena *merged = copy_flat(state, &flat);

	for (uint32 i = 0; i < state->nparts; i++)
		pfree(state->parts[i]);
	state->parts[0] = merged;
	state->nparts = 1;
	state->parts_size = VARSIZE(merged);
	state->merged_size = VARSIZE(merged);
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(scratch);
}

void
summary_state_add_flat(SummaryState *state, struct varlena *flat)
{
	SummaryView header;
	SummaryMeta meta;

	if (summary_flat_decode_header((const uint8_t *) VARDATA(flat), VARSIZE(flat) - VARHDRSZ, attrib_env(),
								   &header, &meta) != CORE_OK)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("journey_summary has invalid bytes")));
	if (header.npaths == 0 || (state->nparts == 0 && header.npaths < state->nentries / 16))
	{
		/* not worth a merge of all that is there */
		SummaryView *view = palloc(sizeof(SummaryView));

		attrib_check_status(summary_flat_decode((const uint8_t *) VARDATA(flat), VARSIZE(flat) - VARHDRSZ,
												NULL, NULL, attrib_env(), view, &meta),
							"rollup of journey summaries");
		summary_state_merge(state, view, &meta, NULL);
		return;
	}
	summary_state_set_meta(state, &meta);
	summary_state_count(state, header.conversions, header.lost, header.open);
	if (state->nparts == state->parts_capacity)
	{
		state->parts_capacity = Max(4, state->parts_capacity * 2);
		state->parts = state->parts
						   ? repalloc_huge(state->parts, state->parts_capacity * sizeof(struct varlena *))
						   : MemoryContextAlloc(state->hdr.eoh_context,
												state->parts_capacity * sizeof(struct varlena *));
	}
	state->parts[state->nparts] = MemoryContextAllocHuge(state->hdr.eoh_context, VARSIZE(flat));
	memcpy(state->parts[state->nparts++], flat, VARSIZE(flat));
	state->parts_size += VARSIZE(flat);
	if (state->parts_size > PARTS_SIZE_LIMIT && state->parts_size > 3 * state->merged_size)
		compact_parts(state);
}

/* A value of fewer bytes is copied out of the context it was made in; more stay there, for memory is slow when new. */
#define COPY_LIMIT ((Size) 64 * 1024)

struct varlena *
summary_state_flat(SummaryState *state)
{
	if (state->flat == NULL)
	{
		MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "journey_summary canonical form",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext previous = MemoryContextSwitchTo(scratch);
		FlatBytes flat;

		if (state->nparts == 0)
			flat = encode_entries(state);
		else if (state->nentries == 0 && state->queued == 0)
			flat = merge_parts(state, NULL);
		else
		{
			FlatBytes entries = encode_entries(state);

			flat = merge_parts(state, &entries);
			pfree(entries.bytes);
		}
		MemoryContextSwitchTo(previous);
		if (flat.size < COPY_LIMIT)
		{
			state->flat = copy_flat(state, &flat);
			MemoryContextDelete(scratch);
		}
		else
		{
			MemoryContextSetParent(scratch, state->hdr.eoh_context);
			state->flat = (struct varlena *) flat.bytes;
			state->flat_context = scratch;
		}
	}
	return state->flat;
}

void
summary_state_drop_flat(SummaryState *state)
{
	if (state->flat_context)
		MemoryContextDelete(state->flat_context);
	else
		pfree(state->flat);
	state->flat = NULL;
	state->flat_context = NULL;
}

static Size
state_flat_size(ExpandedObjectHeader *header)
{
	return VARSIZE(summary_state_flat((SummaryState *) header));
}

static void
state_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	memcpy(result, summary_state_flat((SummaryState *) header), size);
}

const ExpandedObjectMethods summary_state_methods = {state_flat_size, state_flatten};
