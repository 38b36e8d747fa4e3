/*
 * Names of methods, trends, likelihoods and components, both ways.
 */
#include "mmm_value.h"

static const char *const trend_names[] = {"none", "linear", "knots"};
static const char *const method_names[] = {"ridge", "bayes"};
static const char *const likelihood_names[] = {"least_squares", "normal", "student_t"};

static int
index_of_name(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

const char *
mmm_trend_name(MmmTrend trend)
{
	return trend_names[trend];
}

bool
mmm_trend_by_name(const char *name, MmmTrend *trend)
{
	int i = index_of_name(name, trend_names, lengthof(trend_names));

	if (i >= 0)
		*trend = (MmmTrend) i;
	return i >= 0;
}

const char *
mmm_method_name(MmmMethod method)
{
	return method_names[method];
}

bool
mmm_method_by_name(const char *name, MmmMethod *method)
{
	int i = index_of_name(name, method_names, lengthof(method_names));

	if (i >= 0)
		*method = (MmmMethod) i;
	return i >= 0;
}

const char *
mmm_likelihood_name(MmmLikelihood likelihood)
{
	return likelihood_names[likelihood];
}

bool
mmm_likelihood_by_name(const char *name, MmmLikelihood *likelihood)
{
	int i = index_of_name(name, likelihood_names, lengthof(likelihood_names));

	if (i >= 0)
		*likelihood = (MmmLikelihood) i;
	return i >= 0;
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
