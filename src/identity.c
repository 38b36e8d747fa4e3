/*
 * stitch_identity: the person behind each row of a partition, as a window function. A window function sees all rows
 * before it answers the first, gives one answer a row, and lets the executor keep (and spill) the rows; an aggregate
 * would have to return all persons as one array of at most a gigabyte.
 */
#include "attrib.h"

#include "core/identity.h"

#include "channel_dict.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "windowapi.h"

PG_FUNCTION_INFO_V1(attrib_stitch_identity);

#define NO_ID PG_UINT32_MAX

/* Rows between two resets of what evaluating the arguments leaves behind. */
#define ROWS_PER_RESET 1024

enum
{
	ARG_ANONYMOUS,
	ARG_USER,
	ARG_MAX_USERS
};

/* What a partition keeps from its first row to its last. */
typedef struct Stitching
{
	bool ready;
	ChannelDict users;
	ChannelDict anonymous;
	uint32 *person; /* by row: the node that names its person, or NO_ID */
} Stitching;

static uint32
max_users_argument(FunctionCallInfo fcinfo, WindowObject window)
{
	bool isnull;
	int32 max_users;

	if (!get_fn_expr_arg_stable(fcinfo->flinfo, ARG_MAX_USERS))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_users must be the same for all rows"), errhint("Give a constant.")));
	max_users = DatumGetInt32(WinGetFuncArgCurrent(window, ARG_MAX_USERS, &isnull));
	if (isnull)
		return PG_UINT32_MAX;
	if (max_users < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_users must be at least 1, not %d", max_users),
						errhint("NULL lets every device join all of its users.")));
	return (uint32) max_users;
}

/* number[row] of one argument over the whole partition. Each pass reads the rows in their order, once. */
static uint32 *
number_ids(WindowObject window, int argno, ChannelDict *dict, int64 rows)
{
	uint32 *number = CORE_ALLOC(attrib_env(), uint32, rows);
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "stitch_identity rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(scratch);

	for (int64 row = 0; row < rows; row++)
	{
		bool isnull;
		bool isout;
		Datum id =
			WinGetFuncArgInPartition(window, argno, (int) row, WINDOW_SEEK_HEAD, false, &isnull, &isout);

		if (isnull)
			number[row] = NO_ID;
		else
		{
			text *value = DatumGetTextPP(id);

			number[row] = channel_dict_intern(dict, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		}
		if (row % ROWS_PER_RESET == 0)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(scratch);
		}
	}
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(scratch);
	return number;
}

/* Users are named before anonymous ids, among each kind the one with the least bytes. */
static const DictName *
node_name(const Stitching *stitching, uint32 node)
{
	uint32 users = stitching->users.size;

	return node < users ? &stitching->users.names[node] : &stitching->anonymous.names[node - users];
}

static bool
names_better(const Stitching *stitching, uint32 a, uint32 b)
{
	bool a_user = a < stitching->users.size;
	bool b_user = b < stitching->users.size;

	if (a_user != b_user)
		return a_user;
	return strcmp(node_name(stitching, a)->text, node_name(stitching, b)->text) < 0;
}

/* namesake[component] = the node that the component is called after */
static uint32 *
choose_namesakes(const Stitching *stitching, const uint32 *component, uint32 nodes)
{
	uint32 *namesake = CORE_ALLOC(attrib_env(), uint32, nodes);

	for (uint32 node = 0; node < nodes; node++)
		namesake[node] = NO_ID;
	for (uint32 node = 0; node < nodes; node++)
	{
		uint32 *best = &namesake[component[node]];

		if (*best == NO_ID || names_better(stitching, node, *best))
			*best = node;
		CHECK_FOR_INTERRUPTS();
	}
	return namesake;
}

static void
stitch(Stitching *stitching, WindowObject window, int64 rows, uint32 max_users)
{
	const CoreEnv *env = attrib_env();
	uint32 *user;
	uint32 *anonymous;
	uint32 *component;
	uint32 *namesake;
	KeyIndex links;

	channel_dict_init(&stitching->users, CurrentMemoryContext);
	channel_dict_init(&stitching->anonymous, CurrentMemoryContext);
	user = number_ids(window, ARG_USER, &stitching->users, rows);
	anonymous = number_ids(window, ARG_ANONYMOUS, &stitching->anonymous, rows);
	key_index_init(&links, env);
	for (int64 row = 0; row < rows; row++)
	{
		if (user[row] != NO_ID && anonymous[row] != NO_ID)
			(void) key_index_put(&links, identity_link(anonymous[row], user[row]));
		CHECK_FOR_INTERRUPTS();
	}
	component = identity_components(&links, stitching->users.size, stitching->anonymous.size, max_users);
	key_index_free(&links);
	namesake = choose_namesakes(stitching, component, stitching->users.size + stitching->anonymous.size);
	for (int64 row = 0; row < rows; row++)
	{
		if (user[row] != NO_ID)
			user[row] = namesake[component[user[row]]];
		else if (anonymous[row] != NO_ID)
			user[row] = namesake[component[stitching->users.size + anonymous[row]]];
		CHECK_FOR_INTERRUPTS();
	}
	core_free(env, anonymous);
	core_free(env, component);
	core_free(env, namesake);
	stitching->person = user;
	stitching->ready = true;
}

/* The kind and the id, as the two kinds may use the same ids for different people. */
static text *
person_text(const Stitching *stitching, uint32 node)
{
	const DictName *name = node_name(stitching, node);
	text *result = palloc(VARHDRSZ + 2 + name->length);

	SET_VARSIZE(result, VARHDRSZ + 2 + name->length);
	memcpy(VARDATA(result), node < stitching->users.size ? "u:" : "a:", 2);
	memcpy(VARDATA(result) + 2, name->text, name->length);
	return result;
}

/* (anonymous_id, user_id, max_users) OVER (...) */
Datum
attrib_stitch_identity(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	Stitching *stitching;
	uint32 person;

	if (!WindowObjectIsValid(window))
		ereport(ERROR, (errcode(ERRCODE_WINDOWING_ERROR),
						errmsg("stitch_identity must be called as a window function"),
						errhint("Write stitch_identity(...) OVER ().")));
	stitching = WinGetPartitionLocalMemory(window, sizeof(Stitching));
	if (!stitching->ready)
	{
		int64 rows = WinGetPartitionRowCount(window);
		uint32 max_users = max_users_argument(fcinfo, window);
		MemoryContext previous;

		if (rows > PG_INT32_MAX)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("more than %d rows to stitch", PG_INT32_MAX),
							errhint("Stitch the distinct pairs of ids and join them back.")));
		previous = MemoryContextSwitchTo(GetMemoryChunkContext(stitching));
		stitch(stitching, window, rows, max_users);
		MemoryContextSwitchTo(previous);
	}
	person = stitching->person[WinGetCurrentPosition(window)];
	if (person == NO_ID)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(person_text(stitching, person));
}
