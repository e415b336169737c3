//! The `sql` block.

use super::super::attributes::Attributes;
use super::super::json::Object;
use super::super::keys::Key::*;
use super::super::source::Source;

const SYSTEMS: [&str; 11] = [
    "db2",
    "derby",
    "hive",
    "mariadb",
    "mssql",
    "mysql",
    "oracle",
    "postgresql",
    "sqlite",
    "teradata",
    "other_sql",
];

/// The block, if the database speaks SQL.
pub fn sql<'a>(source: &Source<'a>, attributes: &mut Attributes<'a>) -> Option<Object<'a>> {
    let system = attributes.text(DbSystem).filter(|system| SYSTEMS.contains(system))?;
    attributes.say(&[DbConnectionString, DbSystem, DbName, DbStatement, DbUser]);
    let server = attributes.text(DbConnectionString).unwrap_or("localhost");
    let database = attributes.text(DbName).unwrap_or_default();
    let mut sql = Object::default();
    // The name of the span and no URL: their users found that of more use.
    sql.set_text("url", Some(source.span.name.as_str()));
    sql.set("connection_string", format!("{server}/{database}"));
    sql.set("database_type", system);
    sql.set_text("user", attributes.text(DbUser));
    sql.set_text("sanitized_query", attributes.text(DbStatement));
    Some(sql)
}
