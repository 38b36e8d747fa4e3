/*
 * The table of channel names: numbers in the order of first sight, whatever the names.
 */
#include <string.h>

#include "core/names.h"
#include "unit.h"

#define MANY 100000

/* Names of every length, with bytes that are separators or ends elsewhere. */
static size_t
make_name(char *name, uint32_t i)
{
	size_t length =
		(size_t) snprintf(name, 64, "%u%.*s", i, (int) (i % 23), " > {\",\"}\\ channel name, (x)");

	name[length / 2] = i % 3 ? name[length / 2] : '\0';
	return length;
}

int
main(void)
{
	NameTable table = {0};
	char name[64];
	char long_name[5000];
	bool numbered = true;
	bool found = true;
	uint32_t number;

	ok(names_find(&table, "a", 1) == NAME_UNKNOWN, "an empty table knows no name");
	for (uint32_t i = 0; i < MANY; i++)
	{
		size_t length = make_name(name, i + 1000000);

		numbered = numbered && names_intern(&table, unit_env(), name, length) == i;
	}
	ok(numbered && table.nnames == MANY, "%d names are numbered in their order", MANY);
	for (uint32_t i = 0; i < MANY; i++)
	{
		size_t length = make_name(name, i + 1000000);

		found = found && names_intern(&table, unit_env(), name, length) == i &&
				names_find(&table, name, length) == i && table.names[i].length == length &&
				memcmp(table.names[i].bytes, name, length) == 0;
	}
	ok(found && table.nnames == MANY, "and found again");
	number = names_intern(&table, unit_env(), "", 0);
	ok(number == MANY && names_find(&table, "", 0) == MANY, "the empty name is a name");
	ok(names_find(&table, "\0", 1) == NAME_UNKNOWN, "and not that of one zero byte");
	memset(long_name, 'x', sizeof(long_name));
	number = names_intern(&table, unit_env(), long_name, sizeof(long_name));
	ok(names_find(&table, long_name, sizeof(long_name)) == number &&
		   names_find(&table, long_name, sizeof(long_name) - 1) == NAME_UNKNOWN,
	   "a long name");
	return done();
}
