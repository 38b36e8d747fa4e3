/*
 * The differences between PostgreSQL 14 and 19 that attrib meets, in one place.
 */
#ifndef ATTRIB_COMPAT_H
#define ATTRIB_COMPAT_H

#include "postgres.h"
#include "fmgr.h"
#include "funcapi.h"

#if PG_VERSION_NUM < 140000
#error "attrib needs PostgreSQL 14 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 15 introduced the one-call start of a materialized set-returning function (as SetSingleFuncCall in 15.0). */
#if PG_VERSION_NUM < 150000
extern void InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* 15 introduced these names. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#define strtoi64(text, end, base) ((int64) strtoll(text, end, base))
#endif

/* What a hash table of the executor may use. */
#include "executor/nodeHash.h"
#include "miscadmin.h" /* work_mem */
#if PG_VERSION_NUM >= 150000
#define attrib_hash_memory_limit() get_hash_memory_limit()
#else
#define attrib_hash_memory_limit()                                                                           \
	((size_t) Min(work_mem * hash_mem_multiplier * 1024.0, (double) (SIZE_MAX / 2)))
#endif

/* 17 introduced the 64-bit finalizer of MurmurHash3, a bijection that spreads every bit. */
#if PG_VERSION_NUM < 170000
static inline uint64
murmurhash64(uint64 data)
{
	uint64 h = data;

	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}
#endif

/*
 * 16 introduced soft errors: an input function that is given an ErrorSaveContext leaves its error there and returns,
 * which is what pg_input_is_valid() and COPY ... (ON_ERROR ignore) live on. Before 16 the same calls raise.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define errsave(escontext, ...)                                                                              \
	do                                                                                                       \
	{                                                                                                        \
		(void) (escontext);                                                                                  \
		ereport(ERROR, __VA_ARGS__);                                                                         \
	} while (0)
#define ereturn(escontext, dummy, ...)                                                                       \
	do                                                                                                       \
	{                                                                                                        \
		errsave(escontext, __VA_ARGS__);                                                                     \
		return dummy;                                                                                        \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) ((void) (escontext), false)

static inline bool
DirectInputFunctionCallSafe(PGFunction func, char *str, Oid typioparam, int32 typmod, Node *escontext,
							Datum *result)
{
	(void) escontext;
	*result =
		DirectFunctionCall3(func, CStringGetDatum(str), ObjectIdGetDatum(typioparam), Int32GetDatum(typmod));
	return true;
}
#endif

/*
 * 16 lets the actions of the JSON parser report errors, as the return value of a soft error that was saved before;
 * until then they raise. 17 lets the caller say where the lexer's state lives. A file that uses these includes
 * utils/jsonfuncs.h.
 */
#if PG_VERSION_NUM >= 160000
#define JSON_ACTION static JsonParseErrorType
#define JSON_ACTION_DONE(escontext)                                                                          \
	return SOFT_ERROR_OCCURRED(escontext) ? JSON_SEM_ACTION_FAILED : JSON_SUCCESS
#else
#define JSON_ACTION static void
#define JSON_ACTION_DONE(escontext) return
#define pg_parse_json_or_errsave(lex, actions, escontext)                                                    \
	((void) (escontext), pg_parse_json_or_ereport(lex, actions), true)
#endif
#if PG_VERSION_NUM >= 170000
#define attrib_json_lex(text)                                                                                \
	makeJsonLexContextCstringLen(NULL, text, strlen(text), GetDatabaseEncoding(), true)
#else
#define attrib_json_lex(text)                                                                                \
	makeJsonLexContextCstringLen(text, (int) strlen(text), GetDatabaseEncoding(), true)
#endif

/* 18 put C11's word before the declaration in place of an attribute behind it. */
#ifndef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

/* 18 renamed the magic block and lets it carry a name and version. */
#if PG_VERSION_NUM >= 180000
#define ATTRIB_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "attrib", .version = "1.0")
#else
#define ATTRIB_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif
