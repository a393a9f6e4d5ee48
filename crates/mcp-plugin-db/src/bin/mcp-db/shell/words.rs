//! What can be completed: keywords, and the names of tables and columns.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_plugin_db::DatabasePlugin;

/// Columns are asked for of so many tables.
const TABLES: usize = 200;

const KEYWORDS: &[&str] = &[
    "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "COUNT", "DESC", "DISTINCT", "ELSE", "END",
    "EXISTS", "FROM", "GROUP", "HAVING", "IN", "INNER", "IS", "JOIN", "LEFT", "LIKE", "LIMIT",
    "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "SELECT", "THEN", "UNION", "VALUES",
    "WHEN", "WHERE", "WITH",
];

/// Words by which lines can be completed. They come in while the user types.
#[derive(Debug, Default)]
pub(super) struct Words(Mutex<BTreeSet<String>>);

impl Words {
    /// Asks the database for its names. What cannot be had is left out.
    pub(super) async fn gather(self: Arc<Self>, plugin: DatabasePlugin) {
        let Ok(tables) = plugin.tables().await else {
            return;
        };
        self.learn(tables.iter().map(|table| table.name.clone()));
        for table in tables.iter().take(TABLES) {
            if let Ok(table) = plugin.describe(&table.name).await {
                self.learn(table.columns.into_iter().map(|column| column.name));
            }
        }
    }

    /// All but names with what a terminal would obey: it is shown what is completed.
    fn learn(&self, names: impl Iterator<Item = String>) {
        let shown = names.filter(|name| !name.contains(char::is_control));
        self.words().extend(shown);
    }

    /// Where the word before the cursor begins, and what it may become.
    pub(super) fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or(line);
        let is_part = |letter: char| letter == '_' || letter == '.' || letter.is_alphanumeric();
        let start = before.rfind(|letter| !is_part(letter));
        let start = start.map_or(0, |at| {
            at + before[at..].chars().next().map_or(0, char::len_utf8)
        });
        let beginning = before[start..].to_lowercase();
        if beginning.is_empty() {
            return (start, Vec::new());
        }
        let fits = |word: &str| word.to_lowercase().starts_with(&beginning);
        let names = self.words();
        let names = names.iter().filter(|word| fits(word)).cloned();
        let mut words: Vec<String> = names.collect();
        let keywords = KEYWORDS.iter().filter(|word| fits(word));
        words.extend(keywords.map(|word| (*word).to_owned()));
        (start, words)
    }

    fn words(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_where_the_cursor_is() {
        let words = Words::default();
        let names = ["orders", "order_items", "naïve", "ord\u{1b}[31m"];
        words.learn(names.map(str::to_owned).into_iter());
        let complete = |line: &str| words.complete(line, line.len());
        assert_eq!(complete("sel"), (0, vec!["SELECT".to_owned()]));
        let expected = ["order_items", "orders", "ORDER"].map(str::to_owned);
        assert_eq!(complete("select * from ord"), (14, expected.to_vec()));
        assert_eq!(complete("(naï"), (1, vec!["naïve".to_owned()]));
        assert_eq!(complete("é naïv").0, 3);
        assert_eq!(complete("select "), (7, vec![]));
        assert_eq!(words.complete("orders", 99).0, 0);
    }
}
