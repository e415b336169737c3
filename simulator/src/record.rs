//! A record's JSON text in the making: members stay in the order in which AWS writes them.

use std::time::Duration;

use serde_json::Value;

/// A JSON object, member by member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(String);

impl Record {
    /// Adds a member.
    pub fn with(self, name: &str, value: impl Into<Value>) -> Record {
        self.with_text(name, &value.into().to_string())
    }

    /// Adds a member if there is a value.
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Record {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds an object.
    pub fn with_record(self, name: &str, record: &Record) -> Record {
        self.with_text(name, &record.text())
    }

    /// Adds a list of objects.
    pub fn with_records(self, name: &str, records: &[Record]) -> Record {
        let texts: Vec<String> = records.iter().map(Record::text).collect();
        self.with_text(name, &format!("[{}]", texts.join(",")))
    }

    /// Adds a duration as all metrics tell it: milliseconds with microseconds behind the point.
    pub fn with_ms(self, name: &str, duration: Duration) -> Record {
        let micros = duration.as_micros() as u64;
        match micros % 1000 {
            0 => self.with(name, micros / 1000),
            _ => self.with(name, micros as f64 / 1000.0),
        }
    }

    /// The whole object.
    pub fn text(&self) -> String {
        format!("{{{}}}", self.0)
    }

    fn with_text(mut self, name: &str, text: &str) -> Record {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0 += &format!("{}:{text}", Value::from(name));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_order_and_numbers_are_as_short_as_they_can_be() {
        let inner =
            Record::default().with_ms("b", Duration::from_micros(1500)).with_ms("a", Duration::from_secs(1));
        let record =
            Record::default().with("z", "ä\n").with_some("none", None::<u64>).with_record("m", &inner);
        assert_eq!(record.text(), r#"{"z":"ä\n","m":{"b":1.5,"a":1000}}"#);
        let list = Record::default().with_records("l", &[inner, Record::default()]);
        assert_eq!(list.text(), r#"{"l":[{"b":1.5,"a":1000},{}]}"#);
    }
}
