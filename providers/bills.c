/* SPDX-License-Identifier: MIT */
/*
 * What vendors' exports of costs and usage look like (core/bill_format.h).
 *
 * Sources, read 2026-11: OpenAI API reference, "Usage", objects
 * organization.costs.result and organization.usage.completions.result, and
 * the Export button of its usage page; Anthropic Admin API, "Get Cost Report"
 * and "Get Messages Usage Report", and the CSV export of its console's usage
 * and cost pages.
 */
#include "providers/providers.h"

#include <stddef.h>

#include "core/bill_format.h"

static const struct bill_column openai_costs_csv[] = {
	{ "start_time", BILL_UNIX, true },
	{ "end_time", BILL_UNIX_END, false },
	{ "start_time_iso", BILL_IGNORED, false },
	{ "end_time_iso", BILL_IGNORED, false },
	{ "amount_value", BILL_USD, true },
	{ "amount_currency", BILL_CURRENCY, true },
	{ "line_item", BILL_LINE_ITEM, true },
	{ "api_key_id", BILL_KEY, false },
	{ "quantity", BILL_IGNORED, false },
	{ "quantity_unit", BILL_IGNORED, false },
	{ "user_id", BILL_IGNORED, false },
	{ "user_email", BILL_IGNORED, false },
	{ "project_id", BILL_IGNORED, false },
	{ "project_name", BILL_IGNORED, false },
	{ "organization_id", BILL_IGNORED, false },
	{ "organization_name", BILL_IGNORED, false },
	{ "api_source", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

/* input_tokens has all that is listed as part of it, output_tokens too. */
#define OPENAI_PARTS                                                           \
	{ "input_cached_tokens", BILL_IGNORED, false },                        \
	    { "input_uncached_tokens", BILL_IGNORED, false },                  \
	    { "input_cache_write_tokens", BILL_IGNORED, false },               \
	    { "input_text_tokens", BILL_IGNORED, false },                      \
	    { "output_text_tokens", BILL_IGNORED, false },                     \
	    { "input_cached_text_tokens", BILL_IGNORED, false },               \
	    { "input_audio_tokens", BILL_IGNORED, false },                     \
	    { "input_cached_audio_tokens", BILL_IGNORED, false },              \
	    { "output_audio_tokens", BILL_IGNORED, false },                    \
	    { "input_image_tokens", BILL_IGNORED, false },                     \
	    { "input_cached_image_tokens", BILL_IGNORED, false },              \
	    { "output_image_tokens", BILL_IGNORED, false },                    \
	    { "project_id", BILL_IGNORED, false },                             \
	    { "user_id", BILL_IGNORED, false },                                \
	    { "batch", BILL_IGNORED, false },                                  \
	{                                                                      \
		"service_tier", BILL_IGNORED, false                            \
	}

static const struct bill_column openai_usage_csv[] = {
	{ "start_time", BILL_UNIX, true },
	{ "end_time", BILL_UNIX_END, false },
	{ "start_time_iso", BILL_IGNORED, false },
	{ "end_time_iso", BILL_IGNORED, false },
	{ "num_model_requests", BILL_REQUESTS, true },
	{ "model", BILL_MODEL, true },
	{ "api_key_id", BILL_KEY, false },
	{ "input_tokens", BILL_INPUT, true },
	{ "output_tokens", BILL_OUTPUT, true },
	OPENAI_PARTS,
	{ "user_email", BILL_IGNORED, false },
	{ "project_name", BILL_IGNORED, false },
	{ "organization_id", BILL_IGNORED, false },
	{ "organization_name", BILL_IGNORED, false },
	{ "api_key_name", BILL_IGNORED, false },
	{ "api_source", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column openai_costs_json[] = {
	{ "object", BILL_IGNORED, false },
	{ "amount.value", BILL_USD, true },
	{ "amount.currency", BILL_CURRENCY, true },
	{ "line_item", BILL_LINE_ITEM, true },
	{ "api_key_id", BILL_KEY, false },
	{ "quantity", BILL_IGNORED, false },
	{ "quantity_unit", BILL_IGNORED, false },
	{ "project_id", BILL_IGNORED, false },
	{ "project_name", BILL_IGNORED, false },
	{ "organization_id", BILL_IGNORED, false },
	{ "organization_name", BILL_IGNORED, false },
	{ "user_id", BILL_IGNORED, false },
	{ "user_email", BILL_IGNORED, false },
	{ "api_source", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column openai_usage_json[] = {
	{ "object", BILL_IGNORED, false },
	{ "num_model_requests", BILL_REQUESTS, true },
	{ "model", BILL_MODEL, true },
	{ "api_key_id", BILL_KEY, false },
	{ "input_tokens", BILL_INPUT, true },
	{ "output_tokens", BILL_OUTPUT, true },
	OPENAI_PARTS,
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column anthropic_costs_csv[] = {
	{ "usage_date_utc", BILL_TIME, true },
	{ "model", BILL_MODEL, true },
	{ "cost_usd", BILL_USD, true },
	{ "token_type", BILL_IGNORED, true },
	{ "api_key", BILL_KEY, false },
	{ "workspace", BILL_IGNORED, false },
	{ "usage_type", BILL_IGNORED, false },
	{ "context_window", BILL_IGNORED, false },
	{ "list_price_usd", BILL_IGNORED, false },
	{ "cost_type", BILL_IGNORED, false },
	{ "inference_geo", BILL_IGNORED, false },
	{ "speed", BILL_IGNORED, false },
	{ "api_key_id", BILL_IGNORED, false },
	{ "api_key_status", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column anthropic_usage_csv[] = {
	{ "usage_date_utc", BILL_TIME, true },
	{ "model_version", BILL_MODEL, true },
	{ "api_key", BILL_KEY, false },
	{ "usage_input_tokens_no_cache", BILL_INPUT, true },
	{ "usage_input_tokens_cache_write_5m", BILL_INPUT, true },
	{ "usage_input_tokens_cache_write_1h", BILL_INPUT, true },
	{ "usage_input_tokens_cache_read", BILL_INPUT, true },
	{ "usage_output_tokens", BILL_OUTPUT, true },
	{ "web_search_count", BILL_IGNORED, false },
	{ "workspace", BILL_IGNORED, false },
	{ "usage_type", BILL_IGNORED, false },
	{ "context_window", BILL_IGNORED, false },
	{ "inference_geo", BILL_IGNORED, false },
	{ "speed", BILL_IGNORED, false },
	{ "api_key_id", BILL_IGNORED, false },
	{ "api_key_status", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column anthropic_costs_json[] = {
	{ "amount", BILL_CENTS, true },
	{ "currency", BILL_CURRENCY, true },
	{ "model", BILL_MODEL, true },
	{ "cost_type", BILL_IGNORED, false },
	{ "token_type", BILL_IGNORED, false },
	{ "description", BILL_IGNORED, false },
	{ "context_window", BILL_IGNORED, false },
	{ "service_tier", BILL_IGNORED, false },
	{ "inference_geo", BILL_IGNORED, false },
	{ "speed", BILL_IGNORED, false },
	{ "workspace_id", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_column anthropic_usage_json[] = {
	{ "model", BILL_MODEL, true },
	{ "api_key_id", BILL_KEY, false },
	{ "uncached_input_tokens", BILL_INPUT, true },
	{ "cache_read_input_tokens", BILL_INPUT, true },
	{ "cache_creation.ephemeral_1h_input_tokens", BILL_INPUT, true },
	{ "cache_creation.ephemeral_5m_input_tokens", BILL_INPUT, true },
	{ "output_tokens", BILL_OUTPUT, true },
	{ "server_tool_use.web_search_requests", BILL_IGNORED, false },
	{ "server_tool_use.web_fetch_requests", BILL_IGNORED, false },
	{ "account_id", BILL_IGNORED, false },
	{ "service_account_id", BILL_IGNORED, false },
	{ "context_window", BILL_IGNORED, false },
	{ "service_tier", BILL_IGNORED, false },
	{ "inference_geo", BILL_IGNORED, false },
	{ "speed", BILL_IGNORED, false },
	{ "workspace_id", BILL_IGNORED, false },
	{ NULL, BILL_IGNORED, false },
};

static const struct bill_format formats[] = {
	{ "openai", "OpenAI costs, CSV", false, openai_costs_csv },
	{ "openai", "OpenAI usage, CSV", false, openai_usage_csv },
	{ "openai", "OpenAI costs, JSON", true, openai_costs_json },
	{ "openai", "OpenAI usage, JSON", true, openai_usage_json },
	{ "anthropic", "Anthropic costs, CSV", false, anthropic_costs_csv },
	{ "anthropic", "Anthropic usage, CSV", false, anthropic_usage_csv },
	{ "anthropic", "Anthropic costs, JSON", true, anthropic_costs_json },
	{ "anthropic", "Anthropic usage, JSON", true, anthropic_usage_json },
	{ NULL, NULL, false, NULL },
};

/* Of both, in JSON. */
static const struct bill_column bucket[] = {
	{ "object", BILL_IGNORED, false },
	{ "start_time", BILL_UNIX, false },
	{ "end_time", BILL_UNIX_END, false },
	{ "start_time_iso", BILL_IGNORED, false },
	{ "end_time_iso", BILL_IGNORED, false },
	{ "starting_at", BILL_TIME, false },
	{ "ending_at", BILL_TIME_END, false },
	{ "results", BILL_IGNORED, true },
	{ NULL, BILL_IGNORED, false },
};

const struct bill_formats provider_bills = {
	.list = formats,
	.bucket = bucket,
};
