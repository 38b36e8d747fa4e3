/*
 * Names of methods, trends, likelihoods and components, both ways.
 */
#include "mmm_value.h"

#define MOST_NAMES 3

static const char *const names[][MOST_NAMES] = {
	[MMM_METHOD_NAMES] = {"ridge", "bayes"},
	[MMM_TREND_NAMES] = {"none", "linear", "knots"},
	[MMM_LIKELIHOOD_NAMES] = {"least_squares", "normal", "student_t"},
};

const char *
mmm_name(MmmNames of, int number)
{
	return names[of][number];
}

int
mmm_number_of_name(MmmNames of, const char *name)
{
	for (int i = 0; i < MOST_NAMES && names[of][i]; i++)
		if (strcmp(name, names[of][i]) == 0)
			return i;
	return -1;
}

char *
mmm_component_name(const MmmModel *model, int component)
{
	const MmmData *data = model->data;
	const int *pair;

	if (component < data->channels)
		return pstrdup(data->channel_name[component]);
	if (component < data->channels + data->controls)
		return pstrdup(data->control_name[component - data->channels]);
	if (component == MMM_INTERCEPT(model))
		return pstrdup("intercept");
	if (component == MMM_TREND(model))
		return pstrdup("trend");
	if (component == MMM_SEASONALITY(model))
		return pstrdup("seasonality");
	pair = model->spec.interaction[component - MMM_INTERACTION(model, 0)];
	return psprintf("%s*%s", data->channel_name[pair[0]], data->channel_name[pair[1]]);
}

static int
channel_by_name(const MmmData *data, const char *name)
{
	for (int c = 0; c < data->channels; c++)
		if (strcmp(data->channel_name[c], name) == 0)
			return c;
	return -1;
}

bool
mmm_interaction_parse(const char *name, const MmmData *data, int pair[2], Node *escontext)
{
	char *first = pstrdup(name);
	char *star = strchr(first, '*');

	if (star)
	{
		*star = '\0';
		pair[0] = channel_by_name(data, first);
		pair[1] = channel_by_name(data, star + 1);
	}
	if (star && pair[0] >= 0 && pair[1] >= 0 && pair[0] != pair[1])
		return true;
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("interactions: \"%s\" does not name two channels of the dataset", name),
			 errhint("Write two different channels as 'tv*search'.")));
}
