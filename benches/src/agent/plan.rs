//! What an agent asks for, and which answer it must get.

use mcp_domain::{Error, ErrorKind};
use mcp_transport::Client;
use serde_json::{Value, json};

use crate::work::wrong;

/// One call of an agent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Describe {
        table: &'static str,
        columns: usize,
    },
    /// A statement with a mistake in it.
    Fail(&'static str),
    ListTables,
    ListTools,
    Select {
        sql: &'static str,
        /// The first figure of the answer, where it is known.
        first: Option<i64>,
    },
}

/// What every session begins with.
pub(super) const PREPARE: [Step; 5] = [
    Step::ListTools,
    Step::ListTables,
    Step::Describe {
        table: "orders",
        columns: 5,
    },
    Step::Describe {
        table: "order_items",
        columns: 5,
    },
    Step::Describe {
        table: "products",
        columns: 9,
    },
];

const COUNT: Step = Step::Select {
    sql: "SELECT count(*) FROM orders",
    first: Some(10_000),
};
const GROUP: Step = Step::Select {
    sql: "SELECT warehouse, sum(quantity) > 0 FROM inventory WHERE product_id <= 20 \
          GROUP BY warehouse ORDER BY 2 DESC, 1 LIMIT 1",
    first: None,
};
const JOIN: Step = Step::Select {
    sql: "SELECT i.order_id, p.name FROM order_items i JOIN products p ON p.id = i.product_id \
          WHERE i.order_id = 7 ORDER BY i.line",
    first: Some(7),
};
const CORRECTED: Step = Step::Select {
    sql: "SELECT id, status FROM orders WHERE id = 42",
    first: Some(42),
};

/// One call after the other.
pub(super) const ALONE: [Step; 5] = [
    COUNT,
    JOIN,
    GROUP,
    Step::Fail("SELECT id, status FROM ordres WHERE id = 42"),
    CORRECTED,
];

/// All at the same time.
pub(super) const FAN_OUT: [Step; 4] = [COUNT, JOIN, GROUP, CORRECTED];

/// Keeps the database busy for a good part of a second.
pub(super) const SLOW: Step = Step::Select {
    sql: "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000) \
          SELECT count(*) FROM n",
    first: Some(1_000_000),
};

impl Step {
    pub(super) async fn ask(self, client: &Client) -> Result<Value, Error> {
        match self {
            Self::ListTools => {
                let tools = client.list_tools().await?;
                Ok(json!(tools.iter().any(|tool| tool.name == "query")))
            }
            Self::ListTables => client.call_tool("list_tables", ()).await?.parse(),
            Self::Describe { table, .. } => {
                let arguments = json!({ "table": table });
                client.call_tool("describe_table", arguments).await?.parse()
            }
            Self::Fail(sql) | Self::Select { sql, .. } => {
                let arguments = json!({ "sql": sql });
                client.call_tool("query", arguments).await?.parse()
            }
        }
    }

    /// Is this the answer that belongs to the question?
    pub(super) fn check(self, answer: Result<Value, Error>) -> Result<(), Error> {
        let right = match (self, &answer) {
            (Self::Fail(_), Err(error)) => error.kind() == ErrorKind::ToolFailed,
            (_, Err(_)) => return answer.map(drop),
            (Self::Fail(_), Ok(_)) => false,
            (Self::ListTools, Ok(has_query)) => *has_query == true,
            (Self::ListTables, Ok(answer)) => length(&answer["tables"]) == 13,
            (Self::Describe { columns, .. }, Ok(table)) => length(&table["columns"]) == columns,
            (Self::Select { first, .. }, Ok(rows)) => {
                let cell = &rows["rows"][0][0];
                !cell.is_null() && first.is_none_or(|first| cell.as_i64() == Some(first))
            }
        };
        right.then_some(()).ok_or_else(|| wrong("an agent's step"))
    }
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(step: Step, right: &Value, wrong: &Value) {
        step.check(Ok(right.clone())).unwrap();
        step.check(Ok(wrong.clone())).unwrap_err();
        let lost = || Err(Error::new(ErrorKind::Disconnected, "lost"));
        step.check(lost()).unwrap_err();
    }

    #[test]
    fn a_step_has_one_answer_that_belongs_to_it() {
        check(Step::ListTools, &json!(true), &json!(false));
        let tables = |count| json!({ "tables": vec![0; count] });
        check(Step::ListTables, &tables(13), &tables(12));
        let columns = |count| json!({ "columns": vec![0; count] });
        check(PREPARE[2], &columns(5), &columns(4));
        let rows = |first: Value| json!({ "rows": [[first]] });
        check(COUNT, &rows(json!(10_000)), &rows(json!(9_999)));
        check(GROUP, &rows(json!("north")), &json!({ "rows": [] }));
    }

    #[test]
    fn the_step_that_is_to_fail_must_be_refused_by_the_server() {
        let fails = ALONE[3];
        let failed = |kind| fails.check(Err(Error::new(kind, "it failed")));
        failed(ErrorKind::ToolFailed).unwrap();
        failed(ErrorKind::Disconnected).unwrap_err();
        fails.check(Ok(json!({ "rows": [[42]] }))).unwrap_err();
    }
}
