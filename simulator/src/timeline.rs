//! The timeline of a sandbox for a terminal: one proportional bar per phase.

use std::fmt::{self, Display};
use std::time::{Duration, Instant};

use crate::invoke::Invocation;
use crate::journal::{Journal, Moment};

/// The width of the longest bar in characters.
const WIDTH: usize = 40;

/// Whether and how to colour text.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// ANSI colours are wanted.
    pub on: bool,
}

/// The colours in use.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
}

impl Paint {
    /// The text in this colour.
    pub fn colour(self, colour: Colour, text: impl Display) -> String {
        let code = match colour {
            Colour::Bold => 1,
            Colour::Dim => 2,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Blue => 34,
            Colour::Cyan => 36,
        };
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A phase as a row of segments.
struct Row {
    name: String,
    begin: Instant,
    segments: Vec<Segment>,
    marks: Vec<Instant>,
    notes: String,
}

struct Segment {
    end: Instant,
    glyph: char,
    colour: Colour,
}

/// The timeline: all phases on one scale.
pub struct Timeline {
    rows: Vec<Row>,
    paint: Paint,
}

impl Timeline {
    /// Draws the init phase and these invocations; `arrivals` are the times at which the backend got requests.
    pub fn new(
        journal: &Journal,
        invocations: &[Invocation],
        arrivals: &[Instant],
        paint: Paint,
    ) -> Timeline {
        let mut rows: Vec<Row> = init_row(journal).into_iter().collect();
        for (number, invocation) in invocations.iter().enumerate() {
            let next = invocations.get(number + 1).map(|next| next.invoked);
            let marks = arrivals
                .iter()
                .copied()
                .filter(|at| *at >= invocation.invoked && next.is_none_or(|next| *at < next))
                .collect();
            rows.push(invocation_row(number + 1, invocation, marks));
        }
        Timeline { rows, paint }
    }
}

fn init_row(journal: &Journal) -> Option<Row> {
    let begin = journal.first(|moment| matches!(moment, Moment::InitStart { .. }))?;
    let end = journal.first(|moment| matches!(moment, Moment::InitDone))?;
    let ready = journal.first(|moment| matches!(moment, Moment::Ready { .. })).unwrap_or(end);
    let notes = format!("ready {}", ms(ready.saturating_duration_since(begin)));
    let segments = vec![
        Segment { end: ready, glyph: '▒', colour: Colour::Green },
        Segment { end: end.max(ready), glyph: '░', colour: Colour::Dim },
    ];
    Some(Row { name: "init".into(), begin, segments, marks: Vec::new(), notes })
}

fn invocation_row(number: usize, invocation: &Invocation, marks: Vec<Instant>) -> Row {
    let done = invocation.function_done;
    let sent = invocation.runtime_done_sent.unwrap_or(done).clamp(done, invocation.end.max(done));
    let segments = vec![
        Segment { end: done, glyph: '█', colour: Colour::Blue },
        Segment { end: sent, glyph: '░', colour: Colour::Dim },
        Segment { end: invocation.end.max(sent), glyph: '▒', colour: Colour::Green },
    ];
    let notes = format!("held {}", ms(invocation.held));
    Row { name: format!("invoke {number}"), begin: invocation.invoked, segments, marks, notes }
}

impl Row {
    fn took(&self) -> Duration {
        let end = self.segments.last().map_or(self.begin, |segment| segment.end);
        end.saturating_duration_since(self.begin)
    }

    /// The column of a time, when `scale` fills the width.
    fn column(&self, at: Instant, scale: Duration) -> usize {
        let share = at.saturating_duration_since(self.begin).as_secs_f64() / scale.as_secs_f64().max(1e-9);
        (share * WIDTH as f64).round() as usize
    }

    fn bar(&self, scale: Duration, paint: Paint) -> String {
        let (mut bar, mut from) = (String::new(), 0);
        for segment in &self.segments {
            let to = self.column(segment.end, scale).max(from);
            let glyphs: String = std::iter::repeat_n(segment.glyph, to - from).collect();
            bar.push_str(&paint.colour(segment.colour, glyphs));
            from = to;
        }
        bar.extend(std::iter::repeat_n(' ', WIDTH.saturating_sub(from)));
        bar
    }

    /// The line under the bar that shows when the backend got something.
    fn mark_line(&self, scale: Duration) -> String {
        let mut line = vec![' '; WIDTH + 1];
        for mark in &self.marks {
            line[self.column(*mark, scale).min(WIDTH)] = '▴';
        }
        line.into_iter().collect::<String>().trim_end().into()
    }
}

impl Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paint = self.paint;
        let scale = self.rows.iter().map(Row::took).max().unwrap_or_default();
        for row in &self.rows {
            let bar = row.bar(scale, paint);
            let took = paint.colour(Colour::Bold, format!("{:>10}", ms(row.took())));
            writeln!(f, "{:<10}{bar} {took}   {}", row.name, paint.colour(Colour::Dim, &row.notes))?;
            let marks = row.mark_line(scale);
            if !marks.is_empty() {
                writeln!(f, "{:<10}{}", "", paint.colour(Colour::Yellow, marks))?;
            }
        }
        let legend = [
            ('█', Colour::Blue, "function"),
            ('░', Colour::Dim, "platform"),
            ('▒', Colour::Green, "extension"),
            ('▴', Colour::Yellow, "arrived at the backend"),
        ];
        let legend = legend.map(|(glyph, colour, text)| format!("{} {text}", paint.colour(colour, glyph)));
        writeln!(f, "{:<10}{}", "", legend.join("   "))
    }
}

/// A duration in milliseconds with one decimal.
pub fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoke::Status;

    #[test]
    fn bars_are_proportional_and_plain_without_colour() {
        let invoked = Instant::now();
        let at = |millis| invoked + Duration::from_millis(millis);
        let invocation = Invocation {
            request_id: "r".into(),
            status: Status::Success,
            response: None,
            cold: false,
            invoked,
            function_done: at(50),
            runtime_done_sent: Some(at(75)),
            end: at(100),
            held: Duration::from_millis(50),
        };
        let timeline =
            Timeline::new(&Journal::new(), &[invocation], &[at(90)], Paint { on: false }).to_string();
        let mut lines = timeline.lines();
        let bar = lines.next().unwrap();
        let count = |glyph| bar.chars().filter(|c| *c == glyph).count();
        assert_eq!((count('█'), count('░'), count('▒')), (WIDTH / 2, WIDTH / 4, WIDTH / 4));
        assert!(bar.ends_with("100.0 ms   held 50.0 ms"), "{bar}");
        assert_eq!(lines.next().unwrap().chars().position(|c| c == '▴'), Some(10 + WIDTH * 9 / 10));
        assert!(!timeline.contains('\x1b'));
    }
}
