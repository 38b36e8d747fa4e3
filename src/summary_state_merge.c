/*
 * A part becomes part of the whole: options that must agree, and a decoded summary added path by path.
 */
#include "summary_state.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

static bool
same_options(const SummaryMeta *a, const SummaryMeta *b)
{
	if (a->has_options != b->has_options)
		return false;
	if (!a->has_options)
		return true;
	return a->has_lookback == b->has_lookback && a->lookback == b->lookback &&
		   a->has_max_touches == b->has_max_touches && a->max_touches == b->max_touches &&
		   a->has_half_life == b->has_half_life && a->half_life == b->half_life &&
		   a->reuse_touches == b->reuse_touches && strcmp(a->channel_lookback, b->channel_lookback) == 0 &&
		   strcmp(a->transforms, b->transforms) == 0;
}

void
summary_state_set_meta(SummaryState *state, const SummaryMeta *meta)
{
	summary_state_changed(state);
	if (!state->meta_set)
	{
		state->meta = *meta;
		if (meta->has_options)
		{
			state->meta.channel_lookback =
				MemoryContextStrdup(state->hdr.eoh_context, meta->channel_lookback);
			state->meta.transforms = MemoryContextStrdup(state->hdr.eoh_context, meta->transforms);
		}
		state->meta_set = true;
		return;
	}
	if (!same_options(&state->meta, meta))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot merge journey summaries that were built with different options"),
			 errhint(
				 "Summaries merge if lookback, max_touches, reuse_touches, half_life, channel_lookback and "
				 "transforms are the same; summary_stats(summary) shows them.")));
	if (pg_add_s64_overflow(state->meta.touches_seen, meta->touches_seen, &state->meta.touches_seen))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the number of touches in a summary is out of range")));
	state->meta.anonymous_touches += meta->anonymous_touches; /* never more than touches_seen */
}

void
summary_state_merge(SummaryState *state, const SummaryView *view, const SummaryMeta *meta, const uint32 *map)
{
	uint32 *touches = palloc_extended(Max(view->longest_path, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *own_map = NULL;

	summary_state_set_meta(state, meta);
	if (map == NULL)
	{
		own_map = palloc_extended(Max(view->nchannels, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
		for (uint32 i = 0; i < view->nchannels; i++)
			own_map[i] =
				channel_dict_intern(state->channels, view->channels[i], (uint32) strlen(view->channels[i]));
		map = own_map;
	}
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		PathCounts counts = path_counts(path, view->nchannels);

		for (uint32 j = 0; j < path->ntouches; j++)
			touches[j] = map[path->touches[j]];
		summary_state_add(state, touches, path->ntouches, &counts);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(touches);
	if (own_map)
		pfree(own_map);
}
