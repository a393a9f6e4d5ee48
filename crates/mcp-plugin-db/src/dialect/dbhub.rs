//! dbhub of Bytebase: two tools for all databases, an envelope around every answer.
//!
//! Which database it is stands in what the tools say of themselves. Dates and times of MySQL
//! it takes for those of its own time zone, and tells in UTC; by a `mariadb://` address, it
//! tells no index as unique.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{Call, Dialect, Next, Peer, Request, no_such_table, only_text};
use crate::{
    Changes, Column, Index, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::json,
    schema::{DEFAULT_SCHEMAS, place},
};

#[derive(Debug)]
pub(super) struct Dbhub {
    sql: Sql,
    execute: String,
    search: String,
    explain: Option<String>,
}

impl Dbhub {
    /// With more than one database, every tool bears the name of its own; the first is asked.
    pub(super) fn new(peer: &Peer) -> Self {
        let tool = |name: &str| {
            let prefix = format!("{name}_");
            let mut all = peer.tools.keys();
            all.find(|tool| *tool == name || tool.starts_with(&prefix))
                .cloned()
        };
        let execute = tool("execute_sql").unwrap_or_else(|| "execute_sql".to_owned());
        Self {
            sql: peer
                .tools
                .get(&execute)
                .map_or(Sql::Unknown, |says| sql(says)),
            execute,
            search: tool("search_objects").unwrap_or_else(|| "search_objects".to_owned()),
            explain: tool("explain_sql"),
        }
    }

    fn statement(&self, sql: &str, parameters: &[Value]) -> Result<Call, Error> {
        let sql = bind::inline(sql, parameters, self.sql)?;
        Ok(Call::new(&self.execute, json!({ "sql": sql })))
    }
}

impl Dialect for Dbhub {
    fn name(&self) -> &str {
        "dbhub"
    }

    fn failure(&self, answer: &ToolResult) -> Option<String> {
        let text = answer.is_error.then(|| answer.text())?;
        #[derive(Deserialize)]
        struct Failure {
            error: String,
        }
        let failure: Result<Failure, _> = serde_json::from_str(&text);
        Some(failure.map_or(text, |failure| plain(failure.error)))
    }

    fn quoted(&self, name: &str) -> String {
        self.sql.quoted(name)
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        let search = self.search.clone();
        let objects = move |kind| {
            let arguments = json!({ "object_type": kind, "limit": 1000 });
            Call::new(&search, arguments)
        };
        let of = self.sql;
        Ok(Request::many(objects("table"), move |answers| {
            let [tables, views] = answers else {
                return Ok(Next::Call(objects("view")));
            };
            let mut names = Vec::new();
            for (answer, kind) in [(tables, "table"), (views, "view")] {
                let found: Envelope<Found> = json::read("a list of tables", only_text(answer)?)?;
                let found = found.data.results.into_iter();
                names.extend(found.map(|object| object.name(kind, of, None)));
            }
            names.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
            Ok(Next::Done(names))
        }))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        let search = self.search.clone();
        let wanted = table.to_owned();
        let (of, looks) = (self.sql, looks(table));
        let objects = move |(kind, schema, name): &Look| {
            // The pattern is one of LIKE: what it finds beyond the name is left out below.
            let mut arguments =
                json!({ "object_type": kind, "pattern": name, "detail_level": "full" });
            if let Some(schema) = schema {
                arguments["schema"] = json!(schema);
            }
            Call::new(&search, arguments)
        };
        Ok(Request::many(objects(&looks[0]), move |answers| {
            let mut near = None;
            for (answer, (kind, schema, name)) in answers.iter().zip(&looks) {
                let found: Envelope<Found> = json::read("a table", only_text(answer)?)?;
                let named = found.data.results.into_iter();
                let named = named.filter(|object| object.name == *name);
                // Other schemas may have one of that name, too.
                for object in named {
                    let table = object.into_table(kind, of, schema.as_deref());
                    if table.name == wanted {
                        return Ok(Next::Done(table));
                    }
                    near.get_or_insert(table);
                }
            }
            match (looks.get(answers.len()), near) {
                (Some(look), None) => Ok(Next::Call(objects(look))),
                (_, Some(table)) => Ok(Next::Done(table)),
                (None, None) => Err(no_such_table(&wanted)),
            }
        }))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        Ok(Request::one(self.statement(sql, parameters)?, |answer| {
            let (what, text) = ("an answer with rows", only_text(answer)?);
            let answer: Envelope<Statements> = json::read(what, text)?;
            let Some(last) = answer.data.statements.last() else {
                return Ok(Rows::default());
            };
            let rows = json::cut(what, text, |answer| {
                let statements = answer.get("data")?.get("statements")?.elements()?;
                statements
                    .last()
                    .map_or(Ok(Vec::new()), |last| json::objects(last.get("rows")?))
            })?;
            Ok(json::rows(&rows, last.truncated))
        }))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        Ok(Request::one(self.statement(sql, parameters)?, |answer| {
            let text = only_text(answer)?;
            let answer: Envelope<Statements> = json::read("an answer with counts", text)?;
            let last = answer.data.statements.last();
            Ok(Changes::new(last.map(|statement| statement.count)))
        }))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let Some(tool) = &self.explain else {
            return Err(self.missing("explain statements, unless they offer `explain_sql`"));
        };
        let sql = bind::inline(sql, parameters, self.sql)?;
        let call = Call::new(tool, json!({ "sql": sql }));
        Ok(Request::one(call, |answer| {
            Ok(only_text(answer)?.lines().map(str::to_owned).collect())
        }))
    }
}

/// Whose SQL a tool takes, by what it says of itself.
fn sql(says: &str) -> Sql {
    // `Execute SQL queries on the 'shop' mysql database`, after words of the owner's.
    let told = says.rsplit_once("SQL queries on the ");
    let told = told.and_then(|(_, told)| told.split_once(" database"));
    let told = told.and_then(|(told, _)| told.rsplit(' ').next());
    told.map_or(Sql::Unknown, Sql::of)
}

/// Without the connection before and the statement behind what MariaDB said.
fn plain(error: String) -> String {
    let said = error.strip_prefix("(conn:");
    let said = said.and_then(|said| said.split_once(") "));
    let said = said.and_then(|(_, said)| said.split("\nsql: ").next());
    said.map(str::to_owned).unwrap_or(error)
}

/// A kind of object, a schema and a name to look for.
type Look = (&'static str, Option<String>, String);

/// Where a table may be found: as what it is called, and, where that has a dot, as
/// `schema.table`.
fn looks(table: &str) -> Vec<Look> {
    let whole = |kind| (kind, None, table.to_owned());
    let mut looks = vec![whole("table"), whole("view")];
    if let Some((schema, name)) = table.split_once('.') {
        let within = |kind| (kind, Some(schema.to_owned()), name.to_owned());
        looks.extend([within("table"), within("view")]);
    }
    looks
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Found {
    results: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    schema: Option<String>,
    #[serde(default)]
    columns: Vec<Field>,
    #[serde(default)]
    indexes: Vec<Indexed>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    r#type: String,
    nullable: bool,
    default: Option<String>,
}

#[derive(Deserialize)]
struct Indexed {
    name: String,
    columns: Vec<String>,
    unique: bool,
    primary: bool,
}

#[derive(Deserialize)]
struct Statements {
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    /// Cut out of the text, for the sake of the digits.
    #[serde(rename = "rows")]
    _rows: IgnoredAny,
    count: u64,
    #[serde(default)]
    truncated: bool,
}

impl Listed {
    /// Its name, if it was found in this schema, or else where the server looks by itself.
    fn name(&self, kind: &str, of: Sql, looked_in: Option<&str>) -> TableName {
        let home = self.schema.as_deref();
        let homes = match (of, looked_in) {
            // That is where MySQL looks, too: in the database it is connected to.
            (Sql::MariaDb, None) => home.as_slice(),
            (Sql::MariaDb, Some(_)) => &[],
            _ => &DEFAULT_SCHEMAS,
        };
        TableName::seen_from(homes, self.schema.clone(), self.name.clone(), kind)
    }

    fn into_table(self, kind: &str, of: Sql, looked_in: Option<&str>) -> Table {
        let mut table = Table::named(self.name(kind, of, looked_in));
        let key = self.indexes.iter().find(|index| index.primary);
        table.columns = self
            .columns
            .into_iter()
            .map(|field| Column {
                primary_key: key.and_then(|key| place(&key.columns, &field.name)),
                name: field.name,
                declared_type: field.r#type,
                nullable: field.nullable,
                default: field.default,
            })
            .collect();
        let indexes = self.indexes.into_iter().filter(|index| !index.primary);
        table.indexes = indexes
            .map(|index| Index {
                name: index.name,
                unique: index.unique,
                columns: index.columns,
            })
            .collect();
        table
    }
}
