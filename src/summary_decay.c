/*
 * Clock-decayed credit in the growing form of a summary.
 */
#include "summary_state.h"

/*
 * place[i] = order of first appearance of touch i's channel on its path; returns how many there are. Short
 * paths by looking back, long ones by a table over all channels.
 */
uint32
first_appearances(uint32 nchannels, const uint32 *touches, uint32 ntouches, uint32 *place)
{
	uint32 ndistinct = 0;
	uint32 *table = NULL;

	if (ntouches > 32)
		table = palloc_extended(nchannels * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < ntouches; i++)
	{
		if (table)
		{
			if (table[touches[i]] == 0)
				table[touches[i]] = ++ndistinct;
			place[i] = table[touches[i]] - 1;
		}
		else
		{
			uint32 j = 0;

			while (touches[j] != touches[i])
				j++;
			place[i] = j < i ? place[j] : ndistinct++;
		}
	}
	if (table)
		pfree(table);
	return ndistinct;
}

static DecaySum *
detail_decay(SummaryState *state, PathDetail *detail, uint32 ndistinct)
{
	if (detail->decay == NULL)
	{
		detail->decay = MemoryContextAllocZero(state->hdr.eoh_context, ndistinct * sizeof(DecaySum));
		detail->ndecay = ndistinct;
	}
	return detail->decay;
}

/*
 * One conversion's value split by the weights of its touches. Each share is rounded down to 2^-64 and the
 * last touch takes what is left, so nothing is lost; the shares of touches, not of channels, are rounded, so
 * that renaming channels afterwards gives what renaming them before would have given.
 */
void
summary_add_weights(SummaryState *state, PathDetail *detail, const uint32 *touches, uint32 ntouches,
					const PathCounts *counts)
{
	uint32 fixed_place[32];
	uint32 *place =
		ntouches <= 32 ? fixed_place : palloc_extended(ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 ndistinct = first_appearances(state->channels->size, touches, ntouches, place);
	fixed128 left = counts->value;
	DecaySum *decay;

	if (ndistinct > 1)
	{
		decay = detail_decay(state, detail, ndistinct);
		for (uint32 i = 0; i < ntouches; i++)
		{
			uint64 weight = counts->weights[i];
			fixed128 share = left;

			if (i + 1 < ntouches)
				/* value * weight / 2^60, whole and fraction apart to stay within 128 bits */
				share = (counts->value >> 64) * weight * 16 +
						(fixed128) ((ufixed128) (uint64) counts->value * weight >> DECAY_FRACTION_BITS);
			decay[place[i]].conversions += weight;
			decay[place[i]].value += share;
			left -= share;
		}
	}
	if (place != fixed_place)
		pfree(place);
}

static const DecayCredit *
credit_of(const SummaryPath *path, uint32 channel)
{
	uint32 low = 0;
	uint32 high = path->ndecay;

	while (low + 1 < high)
	{
		uint32 middle = (low + high) / 2;

		if (path->decay[middle].channel <= channel)
			low = middle;
		else
			high = middle;
	}
	return &path->decay[low];
}

/* Adds the credits of a decoded path, whose channels may have merged on their way to `touches`. */
void
summary_add_credits(SummaryState *state, PathDetail *detail, const uint32 *touches, const SummaryPath *from,
					uint32 from_channels)
{
	uint32 *place = palloc_extended(2 * from->ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *from_place = place + from->ntouches;
	uint32 ndistinct = first_appearances(state->channels->size, touches, from->ntouches, place);
	uint32 next = 0;

	(void) first_appearances(from_channels, from->touches, from->ntouches, from_place);
	if (ndistinct > 1)
	{
		DecaySum *sum = detail_decay(state, detail, ndistinct);

		for (uint32 i = 0; i < from->ntouches; i++)
		{
			const DecayCredit *credit;

			if (from_place[i] != next)
				continue;
			next++;
			credit = credit_of(from, from->touches[i]);
			sum[place[i]].conversions += credit->conversions;
			sum[place[i]].value += credit->value;
		}
	}
	pfree(place);
}
