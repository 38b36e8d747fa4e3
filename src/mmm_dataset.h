/*
 * mmm_dataset on the PostgreSQL side: rows on their way in, and the flat value.
 */
#ifndef ATTRIB_MMM_DATASET_H
#define ATTRIB_MMM_DATASET_H

#include "attrib.h"

#include "core/calendar.h"
#include "core/mmm_data.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#define MMM_DATASET_VERSION 1
/* Beyond any business's figures, and far enough below the largest double that no sum or product overflows. */
#define MMM_MAX_AMOUNT 1e15
#define MMM_MIN_PERIODS 4

/* One row as given. Pointers are the caller's. */
typedef struct MmmRow
{
	const char *geo; /* NULL: the form without geos */
	int32 period;
	bool has_kpi;
	bool has_population;
	double kpi;
	double population;
	Jsonb *media;
	Jsonb *controls; /* NULL: none */
} MmmRow;

/* Rows packed one behind the other, in the order in which they came. */
extern void mmm_rows_append(StringInfo rows, const MmmRow *row);

/* Validates the rows together and makes the value of them; errors, and NULL, name what is wrong to `escontext`. */
extern struct varlena *mmm_dataset_build(StringInfo rows, Node *escontext);

/* A value for its readers; arrays live in CurrentMemoryContext or in the value. */
extern const MmmData *mmm_dataset_view(Datum datum);
extern const MmmData *mmm_dataset_arg(FunctionCallInfo fcinfo, int argno);

/* An error to `escontext`, and false, unless the values are such as mmm_dataset_build lets pass. */
extern bool mmm_dataset_check(const MmmData *data, Node *escontext);
extern struct varlena *mmm_dataset_flatten(const MmmData *data);

/* The JSON form; the reverse packs rows, and is NULL after an error in `escontext`. */
extern void mmm_dataset_json(StringInfo out, const MmmData *data);
extern struct varlena *mmm_dataset_from_json(Jsonb *json, Node *escontext);

extern void mmm_dataset_write(StringInfo out, const MmmData *data);
extern struct varlena *mmm_dataset_read(StringInfo in);

extern char *mmm_date_text(int32 period);
extern CalendarStep mmm_dataset_step(const MmmData *data);

#endif
