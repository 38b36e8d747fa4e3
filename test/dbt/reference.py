"""What must become of the vendors' rows in dbt/integration_tests/seeds/sources, worked out a second time and by other means.

Plain Python over the CSV files, written from what the vendors document of their columns and from docs/dbt-sources.md. Nothing of the
package's SQL is used. `differences()` compares with the built models.

Meaning of the columns:
  Segment, RudderStack   segment.com/docs/connections/spec/common, .../storage/warehouses/schema: `id` is the message's, sent again it is the
                         same; `timestamp` is when it happened, corrected for the clock of the device, `received_at` when it arrived
  Snowplow               docs.snowplow.io/docs/fundamentals/canonical-event: at least once, so event_id may repeat; refr_medium is one of
                         search, social, email, paid, internal, unknown; tr_total is the order's total
  Google Analytics 4     support.google.com/analytics/answer/7029846: event_timestamp in microseconds, UTC; event_params key and value by type
  Google Ads             developers.google.com/google-ads/api/fields: metrics.cost_micros in millionths of the account's currency
  Meta                   developers.facebook.com/docs/marketing-api/insights: spend in the account's currency, inline_link_clicks
  LinkedIn               learn.microsoft.com/linkedin/marketing: costInLocalCurrency is in the account's currency
  Microsoft              learn.microsoft.com/advertising/guides/report-attributes-columns: a row for each device and network asked for
  TikTok                 business-api.tiktok.com: stat_time_hour is an hour of the advertiser's clock
  Shopify                shopify.dev/docs/api/admin-rest: total_price before refunds; test, cancelled_at; transactions of kind refund count if they succeeded
  Stripe                 docs.stripe.com/api/charges: created in seconds, amounts in the currency's minor unit; paid, captured, amount_refunded
"""
import csv
import json
import pathlib
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import unquote_to_bytes, urlsplit

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "dbt"
SEEDS = PACKAGE / "integration_tests" / "seeds" / "sources"

# As vars_all_sources.yml and the package's defaults have it.
CURRENCY = "USD"
OWN_SITES = ["example.com"]
NO_IDS = {"", "0", "-1", "null", "none", "undefined", "unknown", "anonymous", "(not set)", "00000000-0000-0000-0000-000000000000"}

CLICKS = {"gclid": ("google", "cpc"), "gbraid": ("google", "cpc"), "wbraid": ("google", "cpc"), "dclid": ("google", "display"),
          "msclkid": ("bing", "cpc"), "ttclid": ("tiktok", "cpc"), "li_fat_id": ("linkedin", "cpc"), "twclid": ("twitter", "cpc"),
          "epik": ("pinterest", "cpc"), "ScCid": ("snapchat", "cpc"), "rdt_cid": ("reddit", "cpc"), "fbclid": ("facebook", "social")}
PLATFORM_SOURCE = {"google_ads": "google", "facebook_ads": "facebook", "linkedin_ads": "linkedin", "microsoft_ads": "bing", "tiktok_ads": "tiktok",
                   "twitter_ads": "twitter", "amazon_ads": "amazon_ads"}

EVENT = ["source_relation", "anonymous_id", "user_id", "occurred_at", "event_name", "channel", "source", "medium", "campaign", "content", "term",
         "is_touch", "is_conversion", "order_id", "value", "conversion_currency"]
SPEND = ["source_relation", "date_day", "platform", "account", "campaign", "channel", "currency", "spend", "clicks", "impressions"]
REVENUE = ["source_relation", "order_id", "user_id", "anonymous_id", "ordered_at", "conversion_type", "currency", "revenue", "segment"]
FACTOR = ["source_relation", "date_day", "geo", "factor", "value"]


def seed(name):
    """Rows of a seed; what is empty is missing."""
    path, = PACKAGE.glob(f"**/seeds/**/{name}.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def instant(text):
    """A timestamp; without zone it is in attrib_source_time_zone, UTC."""
    at = datetime.fromisoformat(re.sub(r"([+-]\d\d)$", r"\1:00", text))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def known(identifier):
    return None if identifier in NO_IDS else identifier


def decoded(value):
    """Percent-encoding undone if it is UTF-8 without control characters; else what stands there."""
    if value is None or not re.search("[%+]", value):
        return value
    try:
        text = unquote_to_bytes(value.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        return value
    return value if any(ord(character) < 32 or ord(character) == 127 for character in text) else text


def host(address):
    name = urlsplit(address or "").hostname
    return re.sub(r"^www\.", "", name) if name else None


def parameters(address):
    """Of an address, as they stand there; the first of a name that is not empty."""
    found = {}
    for pair in urlsplit(address or "").query.split("&"):
        name, _, value = pair.partition("=")
        if value:
            found.setdefault(name, value)
    return found


def known_site(name):
    """(source, category) of a host in the seed of sites, where google.* stands for every country."""
    if name is None:
        return None
    sites = {row["site"]: (row["source"], row["category"]) for row in seed("attrib_sources")}
    labels = name.split(".")
    country = labels[:-2] if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in ("co", "com", "org", "net") else labels[:-1]
    return sites.get(name) or (sites.get(country[-1] + ".*") if country else None)


def is_own_site(name):
    return any(name == site or name.endswith("." + site) for site in OWN_SITES)


def visit(url, referrer, tags):
    """Where a page view came from: ({source, medium, campaign, content, term}, did it come from elsewhere?). docs/dbt-sources.md, "Where
    visits came from": the campaign columns and the address, a click identifier, the referrer, nothing."""
    query = parameters(url)
    said = {name: tags.get(name) or decoded(query.get("utm_" + name)) for name in ("source", "medium", "campaign", "content", "term")}
    click = next((CLICKS[name] for name in re.findall(r"[?&]([^=&#]+)=[^&#]", url or "") if name in CLICKS), None)
    if said["source"] or said["medium"] or said["campaign"]:
        if click and not said["source"]:
            said["source"], said["medium"] = click[0], said["medium"] or click[1]
        return said, True
    if click:
        said["source"], said["medium"] = click
        return said, True
    site = host(referrer)
    if site is None:
        return said, True
    seen = known_site(site)
    if site == host(url) or is_own_site(site) or (seen and seen[1] == "payment"):
        return said, False
    said["source"] = seen[0] if seen else site
    said["medium"] = {"search": "organic", "email": "email"}.get(seen[1] if seen else None, "referral")
    return said, True


def event(source_relation, row, at, name, came, is_touch, is_conversion=False, order_id=None, value=None, currency=None, channel=None):
    return (source_relation, known(row["anonymous_id"]), known(row["user_id"]), at, name, channel, came["source"], came["medium"], came["campaign"],
            came["content"], came["term"], is_touch, is_conversion, order_id, value, currency if is_conversion else None)


def first_of(rows, key, arrived):
    """What is delivered more than once counts as it came first."""
    first = {}
    for row in sorted(rows, key=lambda row: instant(row[arrived])):
        first.setdefault(row[key], row)
    return first.values()


def segment():
    for page in first_of(seed("sources_segment_pages"), "id", "received_at"):
        came, elsewhere = visit(page["url"], page["referrer"],
                                {name: page.get("context_campaign_" + column) for name, column in
                                 dict(source="source", medium="medium", campaign="name", content="content", term="term").items()})
        yield event("segment", page, instant(page["timestamp"]), "page", came, elsewhere)
    orders = {row["id"]: row for row in seed("sources_segment_orders")}
    for track in first_of(seed("sources_segment_tracks"), "id", "received_at"):
        came, _ = visit(track["context_page_url"], None, {})
        order = orders.get(track["id"])
        sold = dict(is_conversion=True, order_id=order["order_id"], value=Decimal(order["revenue"]), currency=order["currency"].upper()) if order else {}
        yield event("segment", track, instant(track["timestamp"]), track["event"], came, False, **sold)


def snowplow():
    for row in first_of(seed("sources_snowplow_events"), "event_id", "collector_tstamp"):
        tags = {name: row["mkt_" + name] for name in ("source", "medium", "campaign")}
        tagged = any(tags.values()) or CLICKS.keys() & parameters(row["page_url"]).keys()
        if not tagged and row["refr_source"] and row["refr_medium"] in ("search", "social", "email", "paid"):
            tags = {"source": row["refr_source"].lower(), "medium": {"search": "organic", "paid": "cpc"}.get(row["refr_medium"], row["refr_medium"])}
        came, elsewhere = visit(row["page_url"], row["page_referrer"], {**tags, "term": row["refr_term"]})
        is_touch = row["event_name"] == "page_view" and (tagged or row["refr_medium"] != "internal") and elsewhere
        sold = dict(is_conversion=True, order_id=row["tr_orderid"], value=Decimal(row["tr_total"]), currency=row["tr_currency"]) if row["tr_orderid"] else {}
        yield event("snowplow", {"anonymous_id": row["domain_userid"], "user_id": row["user_id"]}, instant(row["derived_tstamp"]), row["event_name"],
                    came, is_touch, **sold)


def ga4():
    rows = seed("sources_ga4_events")
    last_load = {}
    for row in rows:
        last_load[row["event_date"]] = max(last_load.get(row["event_date"], ""), row["loaded_at"])
    for row in rows:
        if row["loaded_at"] != last_load[row["event_date"]]:
            continue
        said = {entry["key"]: next(iter(entry["value"].values())) for entry in json.loads(row["event_params"] or "[]")}
        collected = json.loads(row["collected_traffic_source"] or "{}")
        tags = {name: collected.get("manual_" + column) or said.get(name)
                for name, column in dict(source="source", medium="medium", campaign="campaign_name", content="content", term="term").items()}
        tags = {name: value for name, value in tags.items() if value not in ("(direct)", "(none)", "(not set)", "(organic)", "(referral)")}
        if (collected.get("gclid") or said.get("gclid")) and tags.get("medium") in (None, "organic", "referral"):
            tags["source"], tags["medium"] = "google", "cpc"
        came, elsewhere = visit(said.get("page_location"), said.get("page_referrer"), tags)
        sale = json.loads(row["ecommerce"] or "{}")
        sold = dict(is_conversion=True, order_id=sale["transaction_id"], value=Decimal(str(sale["purchase_revenue"])), currency=said["currency"]) if row["event_name"] == "purchase" else {}
        at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=int(row["event_timestamp"]))
        yield event("ga4", {"anonymous_id": row["user_pseudo_id"], "user_id": row["user_id"]}, at, row["event_name"], came,
                    row["event_name"] == "page_view" and elsewhere, **sold)


def generic_events():
    for row in seed("sources_generic_events"):
        came, _ = visit(row["url"], None, row)
        sold = dict(is_conversion=True, order_id=row["order_id"], value=Decimal(row["value"]), currency=row["currency"]) if row["is_conversion"] == "true" else {}
        yield event("", row, instant(row["occurred_at"]), row["event_name"], came, row["is_touch"] == "true", channel=row["channel"], **sold)


def spend_channel(platform, kind, campaign):
    """The rules first, by the platform's source, medium cpc and the campaign; then the platform and its type of campaign."""
    for rule in sorted(seed("sources_channel_rules"), key=lambda rule: int(rule["priority"])):
        said = {"source_pattern": PLATFORM_SOURCE[platform], "medium_pattern": "cpc", "campaign_pattern": campaign or ""}
        if all(rule[pattern] is None or re.search(rule[pattern], text, re.I) for pattern, text in said.items()):
            return rule["channel"]
    if platform in ("facebook_ads", "linkedin_ads", "tiktok_ads", "twitter_ads"):
        return "Paid Social"
    kind = (kind or "").lower()
    return {"performance_max": "Cross-network", "demand_gen": "Cross-network", "display": "Display", "audience": "Display", "shopping": "Paid Shopping",
            "video": "Paid Video"}.get(kind, "Paid Shopping" if platform == "amazon_ads" else "Paid Search")


def latest(name, version, key="id"):
    """The last state of each row of a history."""
    last = {}
    for row in sorted(seed(name), key=lambda row: row.get(version) or ""):
        last[row[key]] = row
    return last


def spend_rows(platform, lines, source_relation=None):
    """Adds up (day, account, campaign, kind, currency, spend, clicks, impressions)."""
    total = {}
    for day, account, campaign, kind, currency, *amounts in lines:
        key = (source_relation or platform, day, platform, account or "", campaign, spend_channel(platform, kind, campaign), (currency or CURRENCY).upper())
        total[key] = [a + Decimal(b or 0) for a, b in zip(total.get(key, [0, 0, 0]), amounts)]
    return [key + tuple(amounts) for key, amounts in total.items()]


def google_ads():
    campaigns, accounts = latest("sources_google_ads_campaign_history", "updated_at"), latest("sources_google_ads_account_history", "updated_at")
    for row in seed("sources_google_ads_campaign_stats"):
        campaign, account = campaigns[row["id"]], accounts[row["customer_id"]]
        yield (date.fromisoformat(row["date"]), account["descriptive_name"], campaign["name"], campaign["advertising_channel_type"],
               account["currency_code"], Decimal(row["cost_micros"]) / 1000000, row["clicks"], row["impressions"])


def facebook_ads():
    ads, campaigns = latest("sources_facebook_ads_ad_history", "updated_time"), latest("sources_facebook_ads_campaign_history", "updated_time")
    accounts = latest("sources_facebook_ads_account_history", "_fivetran_synced")
    for row in seed("sources_facebook_ads_basic_ad"):
        account = accounts[row["account_id"]]
        campaign = campaigns[ads[row["ad_id"]]["campaign_id"]]["name"] if row["ad_id"] in ads else "ad " + row["ad_id"]
        yield date.fromisoformat(row["date"]), account["name"], campaign, None, account["currency"], row["spend"], row["inline_link_clicks"], row["impressions"]


def linkedin_ads():
    campaigns, accounts = latest("sources_linkedin_ads_campaign_history", "last_modified_time"), latest("sources_linkedin_ads_account_history", "last_modified_time")
    for row in seed("sources_linkedin_ads_ad_analytics_by_campaign"):
        campaign = campaigns[row["campaign_id"]]
        account = accounts[campaign["account_id"]]
        yield (datetime.fromisoformat(row["day"]).date(), account["name"], campaign["name"], None, account["currency"], row["cost_in_local_currency"],
               row["clicks"], row["impressions"])


def microsoft_ads():
    campaigns, accounts = latest("sources_microsoft_ads_campaign_history", "modified_time"), latest("sources_microsoft_ads_account_history", "last_modified_time")
    for row in seed("sources_microsoft_ads_campaign_report"):
        campaign = campaigns[row["campaign_id"]]
        yield (date.fromisoformat(row["date"]), accounts[row["account_id"]]["name"], campaign["name"], campaign["type"], row["currency_code"], row["spend"],
               row["clicks"], row["impressions"])


def tiktok_ads():
    campaigns, advertisers = latest("sources_tiktok_ads_campaign_history", "updated_at", "campaign_id"), latest("sources_tiktok_ads_advertiser", "_fivetran_synced")
    for row in seed("sources_tiktok_ads_campaign_report"):
        campaign = campaigns[row["campaign_id"]]
        account = advertisers[campaign["advertiser_id"]]
        yield (datetime.fromisoformat(row["stat_time_hour"]).date(), account["name"], campaign["campaign_name"], None, account["currency"], row["spend"],
               row["clicks"], row["impressions"])


def media_spend():
    direct = {"google_ads": google_ads, "facebook_ads": facebook_ads, "linkedin_ads": linkedin_ads, "microsoft_ads": microsoft_ads, "tiktok_ads": tiktok_ads}
    for platform, lines in direct.items():
        yield from spend_rows(platform, lines())
    for row in seed("sources_ad_reporting_campaign_report"):
        if row["platform"] not in direct:  # which would count its spend twice
            yield from spend_rows(row["platform"], [(date.fromisoformat(row["date_day"]), row["account_name"], row["campaign_name"], None, row["currency"],
                                                     row["spend"], row["clicks"], row["impressions"])], row["source_relation"] or "ad_reporting")
    for row in seed("sources_generic_spend"):
        yield ("", date.fromisoformat(row["date_day"]), row["platform"], row["account"], row["campaign"], row["channel"], row["currency"],
               *(Decimal(row[name] or 0) for name in ("spend", "clicks", "impressions")))


def revenue():
    for row in seed("sources_generic_conversions"):
        yield ("", row["order_id"], row["user_id"], row["anonymous_id"], instant(row["ordered_at"]), row["conversion_type"], row["currency"],
               Decimal(row["revenue"]), row["segment"])
    refunded = {}
    for row in seed("sources_shopify_transactions"):
        if row["kind"] == "refund" and row["status"] == "success":
            refunded[row["order_id"]] = refunded.get(row["order_id"], 0) + Decimal(row["amount"])
    for row in seed("sources_shopify_orders"):
        kept = Decimal(row["total_price"]) - refunded.get(row["id"], 0)
        if row["cancelled_at"] is None and row["test"] != "true" and kept > 0:
            yield "shopify", row["id"], row["customer_id"], None, instant(row["created_at"]), "purchase", row["currency"], kept, row["source_name"]
    for row in seed("sources_stripe_charges"):
        kept = int(row["amount"]) - int(row["amount_refunded"])
        if row["paid"] == "true" and row["captured"] == "true" and kept > 0:
            # docs.stripe.com/currencies
            units = {"jpy": 1, "krw": 1, "isk": 100, "kwd": 1000, "tnd": 1000}.get(row["currency"], 100)
            yield ("stripe", row["id"], row["customer_id"], None, datetime.fromtimestamp(int(row["created"]), timezone.utc), "purchase", row["currency"].upper(),
                   Decimal(kept) / units, None)


def factors():
    for row in seed("sources_generic_factors"):
        yield "", date.fromisoformat(row["date_day"]), row["geo"], row["factor"], Decimal(row["value"])


# model: (columns, where they are not plain columns, the rows that must come)
MODELS = {
    "stg_attrib__events": (EVENT, {"conversion_currency": "case when is_conversion then currency end"},
                           lambda: [*generic_events(), *segment(), *snowplow(), *ga4()]),
    "stg_media_spend": (SPEND, {}, media_spend),
    "stg_revenue": (REVENUE, {}, revenue),
    "stg_external_factors": (FACTOR, {"value": "value::numeric"}, factors),
}


def differences(ask, schema):
    """model -> lines that say which rows are missing and which should not be there. ask(sql) gives rows."""
    found = {}
    for model, (columns, expressions, rows) in MODELS.items():
        listed = ", ".join(expressions.get(column, column) for column in columns)
        actual, wanted = ask(f"select {listed} from {schema}.{model}"), list(rows())
        missing = wanted.copy()
        unexpected = [row for row in actual if row not in missing or missing.remove(row)]
        found[model] = [f"missing: {row}" for row in missing] + [f"unexpected: {row}" for row in unexpected]
        if not wanted:
            found[model].append("the reference has no rows")
    return found
