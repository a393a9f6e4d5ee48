//! Rows without a type of their own (`record`), as PostgreSQL's own text.
//!
//! PostgreSQL sends such rows, but does not take them back to tell them as text. So each
//! is made anew by the database, of its fields: `ROW($1, ROW($2, $3))`; and arrays of them
//! of their rows: `ARRAY[ROW($1), ROW($2)]`.

use deadpool_postgres::Transaction;
use tokio_postgres::{
    Row, Statement,
    types::{Kind, ToSql, Type},
};

use super::{
    value::{Input, lengths},
    write::Raw,
};

/// How deep a row within a row within a row is followed.
const DEEPEST: usize = 20;

/// One column of such rows, or of arrays of them, as text; `None` if one of them is not what it should be.
pub(super) async fn texts(
    transaction: &Transaction<'_>,
    ty: &Type,
    place: usize,
    rows: &[Row],
) -> Result<Option<Vec<Option<String>>>, tokio_postgres::Error> {
    let mut last: Option<(String, Vec<Type>, Statement)> = None;
    let mut texts = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(Raw(bytes)) = row.try_get(place)? else {
            texts.push(None);
            continue;
        };
        let mut fields = Fields::default();
        let Some(expression) = fields.value(ty, bytes, DEEPEST) else {
            return Ok(None);
        };
        let Fields { types, values } = fields;
        // Most often, all rows have the same fields.
        let same = last
            .take()
            .filter(|last| last.0 == expression && last.1 == types);
        let (_, _, statement) = last.insert(match same {
            Some(same) => same,
            None => {
                let sql = format!("SELECT ({expression})::text");
                let statement = transaction.prepare_typed(&sql, &types).await?;
                (expression, types, statement)
            }
        });
        let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
        let values: Vec<_> = values.collect();
        texts.push(
            transaction
                .query_one(statement, &values)
                .await?
                .try_get(0)?,
        );
    }
    Ok(Some(texts))
}

/// The fields of a row, and of the rows in it.
#[derive(Debug, Default)]
struct Fields<'a> {
    types: Vec<Type>,
    values: Vec<Raw<'a>>,
}

impl<'a> Fields<'a> {
    /// Adds a value of this type; the expression that makes it.
    fn value(&mut self, ty: &Type, bytes: &'a [u8], deep: usize) -> Option<String> {
        match *ty {
            Type::RECORD => self.row(&mut Input(bytes), deep),
            Type::RECORD_ARRAY => {
                let mut input = Input(bytes);
                match lengths(&mut input)?.as_slice() {
                    [] => Some("ARRAY[]::record[]".to_owned()),
                    lengths => self.rows(lengths, &mut input, deep),
                }
            }
            _ => {
                self.types.push(ty.clone());
                self.values.push(Raw(bytes));
                Some(format!("${}", self.types.len()))
            }
        }
    }

    /// Adds the rows of an array; the expression that makes it of them.
    fn rows(&mut self, lengths: &[usize], input: &mut Input<'a>, deep: usize) -> Option<String> {
        let Some((length, inner)) = lengths.split_first() else {
            return match usize::try_from(input.number()?) {
                Ok(length) => self.row(&mut Input(input.take(length)?), deep.checked_sub(1)?),
                Err(_) => Some("NULL".to_owned()),
            };
        };
        let parts = (0..*length).map(|_| self.rows(inner, input, deep));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(format!("ARRAY[{}]", parts.join(", ")))
    }

    /// Adds the fields of a row; the expression that makes it of them.
    fn row(&mut self, input: &mut Input<'a>, deep: usize) -> Option<String> {
        let count = usize::try_from(input.number()?).ok()?;
        let mut parts = Vec::new();
        for _ in 0..count {
            let ty = type_of(u32::from_be_bytes(input.take(4)?.try_into().ok()?));
            let value = match usize::try_from(input.number()?) {
                Ok(length) => Some(input.take(length)?),
                Err(_) => None,
            };
            parts.push(match value {
                // It is told as nothing, whatever its type.
                None => "NULL".to_owned(),
                Some(bytes) if [Type::RECORD, Type::RECORD_ARRAY].contains(&ty) => {
                    self.value(&ty, bytes, deep.checked_sub(1)?)?
                }
                Some(bytes) => self.value(&ty, bytes, deep)?,
            });
        }
        Some(format!("ROW({})", parts.join(", ")))
    }
}

/// The type of this number. Of those that the driver does not know, the number is enough.
fn type_of(number: u32) -> Type {
    match Type::from_oid(number) {
        // A literal that nobody gave a type; a parameter has to have one.
        Some(Type::UNKNOWN) => Type::TEXT,
        Some(known) => known,
        None => Type::new(String::new(), number, Kind::Simple, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of fields: the number of a type, and a value.
    fn row(fields: &[(u32, Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = u32::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for (ty, value) in fields {
            bytes.extend(ty.to_be_bytes());
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            bytes.extend(length.to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes
    }

    fn made(bytes: &[u8]) -> Option<(String, usize)> {
        let mut fields = Fields::default();
        let expression = fields.row(&mut Input(bytes), DEEPEST)?;
        assert_eq!(fields.types.len(), fields.values.len());
        Some((expression, fields.values.len()))
    }

    #[test]
    fn rows_are_made_of_their_fields() {
        let int = Type::INT4.oid();
        let inner = row(&[(int, Some(&[0, 0, 0, 1])), (int, None)]);
        let outer = row(&[
            (int, Some(&[0, 0, 0, 2])),
            (Type::RECORD.oid(), Some(&inner)),
        ]);
        assert_eq!(made(&outer), Some(("ROW($1, ROW($2, NULL))".to_owned(), 2)));
        assert_eq!(made(&row(&[])), Some(("ROW()".to_owned(), 0)));
    }

    #[test]
    fn what_is_cut_or_too_deep_is_no_row() {
        let whole = row(&[(Type::INT4.oid(), Some(&[0, 0, 0, 1]))]);
        for end in 0..whole.len() {
            assert_eq!(made(&whole[..end]), None);
        }
        let mut deep = row(&[]);
        for _ in 0..DEEPEST {
            deep = row(&[(Type::RECORD.oid(), Some(&deep))]);
        }
        assert!(made(&deep).is_some());
        let deeper = row(&[(Type::RECORD.oid(), Some(&deep))]);
        assert_eq!(made(&deeper), None);
    }
}
