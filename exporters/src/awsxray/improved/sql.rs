//! The `sql` block.

use super::super::attributes::Attributes;
use super::super::json::Object;
use super::super::keys::Key::*;
use super::super::limits::MOST_CHARACTERS;
use super::super::name::cut;
use super::super::url::{bracketed, without_password};

/// Databases that speak SQL, by their names of today and of old.
const SYSTEMS: [&str; 38] = [
    "actian.ingres",
    "aws.redshift",
    "cassandra.sql",
    "clickhouse",
    "cloudscape",
    "cockroachdb",
    "coldfusion",
    "db2",
    "derby",
    "edb",
    "firebird",
    "firebirdsql",
    "gcp.spanner",
    "h2",
    "h2database",
    "hanadb",
    "hive",
    "hsqldb",
    "ibm.db2",
    "ibm.informix",
    "ibm.netezza",
    "informix",
    "ingres",
    "mariadb",
    "maxdb",
    "microsoft.sql_server",
    "mssql",
    "mysql",
    "oracle",
    "oracle.db",
    "other_sql",
    "postgresql",
    "redshift",
    "sap.hana",
    "sap.maxdb",
    "sqlite",
    "teradata",
    "trino",
];

/// The block, if the database speaks SQL.
pub fn sql<'a>(attributes: &mut Attributes<'a>) -> Option<Object<'a>> {
    let (key, system) = attributes.first_text(&[DbSystemName, DbSystem])?;
    if !SYSTEMS.iter().any(|known| known.eq_ignore_ascii_case(system)) {
        return None;
    }
    attributes.say(&[key]);
    let mut sql = Object::default();
    let database = attributes.first_text(&[DbNamespace, DbName]);
    let connection = attributes.text(DbConnectionString).map(without_password);
    if let Some(connection) = &connection {
        attributes.say(&[DbConnectionString]);
        sql.set("connection_string", connection.clone());
    }
    let url = connection.filter(|text| text.contains("://")).or_else(|| {
        let (_, host) = attributes.first_text(&[ServerAddress, NetPeerName, NetPeerIp])?;
        let port = attributes.first_number(&[ServerPort, NetPeerPort]);
        let port = port.map(|(_, port)| format!(":{port}")).unwrap_or_default();
        Some(format!("{system}://{}{port}", bracketed(host)))
    });
    let url = match (url, database) {
        (Some(url), Some((_, name))) if url.matches('/').count() == 2 && !url.contains([';', '?']) => {
            attributes.say(&[DbNamespace, DbName]);
            Some(format!("{url}/{name}"))
        }
        (url, _) => url,
    };
    sql.set_some("url", url);
    sql.set("database_type", system);
    if let Some(user) = attributes.text(DbUser) {
        let (user, is_cut) = cut(user, MOST_CHARACTERS);
        sql.set("user", user);
        if !is_cut {
            attributes.say(&[DbUser]);
        }
    }
    if let Some((key, query)) = attributes.first_text(&[DbQueryText, DbStatement]) {
        sql.set("sanitized_query", query);
        attributes.say(&[key]);
    }
    Some(sql)
}
