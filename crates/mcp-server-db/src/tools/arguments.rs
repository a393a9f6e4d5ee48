//! What the tools take, from which their input schemas are made.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Arguments of `list_schemas`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSchemas {}

/// Arguments of `list_tables`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTables {
    /// Only those of this schema.
    pub(super) schema: Option<String>,
    /// The `next_cursor` of the answer to go on from.
    pub(super) cursor: Option<String>,
}

/// Arguments of `describe_table`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeTable {
    /// The table's name, as `list_tables` tells it.
    pub(super) table: String,
}

/// Arguments of `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// One statement that reads. Values belong into `parameters`.
    pub(super) sql: String,
    /// Values for the parameters of the statement, in order.
    #[serde(default)]
    pub(super) parameters: Vec<Value>,
    /// The most rows to answer with, if fewer than the server's limit are wanted.
    pub(super) max_rows: Option<NonZeroUsize>,
    /// The `next_cursor` of the answer to go on from. The statement is run again, and
    /// what was told is skipped: order the rows, so that they come in the same order.
    pub(super) cursor: Option<String>,
}

/// Arguments of `execute`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Execute {
    /// One statement. Values belong into `parameters`.
    pub(super) sql: String,
    /// Values for the parameters of the statement, in order.
    #[serde(default)]
    pub(super) parameters: Vec<Value>,
}

/// Arguments of `explain`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// The statement.
    pub(super) sql: String,
    /// Values for the parameters of the statement, in order.
    #[serde(default)]
    pub(super) parameters: Vec<Value>,
}

/// Arguments of `search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Words that must all occur.
    pub(super) text: String,
    /// Search in this table only.
    pub(super) table: Option<String>,
    /// The most rows to find. Default: 20.
    #[serde(default = "twenty")]
    pub(super) limit: usize,
}

fn twenty() -> usize {
    20
}
