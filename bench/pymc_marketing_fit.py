"""
The peer's half of bench/bayes: fits one media mix model with PyMC-Marketing and writes what came of it as JSON.

    python pymc_marketing_fit.py TASK.json RESULT.json

Runs in an environment of its own that has pymc-marketing; bench/bayes makes it and writes the task.
"""
import json
import sys
import time
import warnings

import arviz
import numpy
import pandas

warnings.filterwarnings("ignore")

# After the filter: these warn as they are imported.
from pymc_extras.prior import Prior  # noqa: E402  pylint: disable=wrong-import-position
from pymc_marketing.mmm import GeometricAdstock, LogisticSaturation  # noqa: E402  pylint: disable=wrong-import-position
from pymc_marketing.mmm.multidimensional import MMM  # noqa: E402  pylint: disable=wrong-import-position


def build(task):
    """The model of docs/mmm.md, its base columns passed as controls."""
    config = {
        "intercept": Prior("Normal", mu=0, sigma=2),
        "likelihood": Prior("Normal", sigma=Prior("HalfNormal", sigma=2), dims="date"),
        "gamma_control": Prior("Normal", mu=0, sigma=2, dims="control"),
        "adstock_alpha": Prior("Beta", alpha=1, beta=3, dims="channel"),
        "saturation_lam": Prior("Gamma", alpha=3, beta=1, dims="channel"),
        "saturation_beta": Prior("HalfNormal", sigma=2, dims="channel"),
    }
    return MMM(date_column="period", target_column="kpi", channel_columns=task["channels"], control_columns=task["controls"],
               adstock=GeometricAdstock(l_max=task["max_lag"] + 1, normalize=True), saturation=LogisticSaturation(),
               model_config=config)


def roas(task, x, posterior):
    """Per draw: contribution over spend, from the parameters by the formulas themselves."""
    found = {}
    lags = numpy.arange(task["max_lag"] + 1)
    for channel in task["channels"]:
        spend = x[channel].to_numpy()
        scaled = spend / numpy.abs(spend).max()
        alpha, lam, beta = (posterior[name].sel(channel=channel).to_numpy().reshape(-1)
                            for name in ("adstock_alpha", "saturation_lam", "saturation_beta"))
        weights = alpha[:, None] ** lags
        weights /= weights.sum(axis=1, keepdims=True)
        lagged = numpy.stack([numpy.concatenate([numpy.zeros(lag), scaled[:len(scaled) - lag]]) for lag in lags])
        response = numpy.tanh(lam[:, None] * (weights @ lagged) / 2).sum(axis=1)
        found[channel] = beta * response * task["kpi_scale"] / spend.sum()
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as handle:
        task = json.load(handle)
    data = pandas.DataFrame(task["data"])
    data["period"] = pandas.to_datetime(data["period"])
    x, y = data.drop(columns=["kpi"]), data["kpi"]
    began = time.time()
    model = build(task)
    model.fit(x, y, chains=task["chains"], tune=task["warmup"], draws=task["draws"], cores=task["cores"],
              nuts_sampler=task["sampler"], random_seed=task["seed"], target_accept=task["target_accept"], progressbar=False)
    wall = time.time() - began
    posterior = model.idata.posterior
    names = ["adstock_alpha", "saturation_lam", "saturation_beta", "intercept_contribution", "gamma_control", "y_sigma"]
    summary = arviz.summary(model.idata, var_names=names, round_to="none")
    parameters = {name: {"mean": row["mean"], "sd": row["sd"], "ess_bulk": row["ess_bulk"], "ess_tail": row["ess_tail"],
                         "rhat": row["r_hat"]} for name, row in summary.iterrows()}
    shape = posterior["y_sigma"].shape
    for channel, values in roas(task, x, posterior).items():
        values = values.reshape(shape)
        parameters["roas[%s]" % channel] = {
            "mean": float(values.mean()), "sd": float(values.std(ddof=1)), "rhat": float(arviz.rhat(values)),
            "ess_bulk": float(arviz.ess(values)), "ess_tail": float(arviz.ess(values, method="tail"))}
    result = {"wall": wall, "sampling": posterior.attrs.get("sampling_time"), "parameters": parameters,
              "divergences": int(model.idata.sample_stats["diverging"].sum())}
    with open(sys.argv[2], "w", encoding="utf-8") as handle:
        json.dump(result, handle)


if __name__ == "__main__":
    main()
