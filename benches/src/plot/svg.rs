//! Draws plots as SVG that reads well on light and on dark ground.

use std::fmt::Write as _;

use super::{Axis, Bars, Kind, Lines, Plot, Scale, Unit};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 48.0;
const LINES_HEIGHT: f64 = 220.0;
const BAR: f64 = 15.0;
const GAP: f64 = 14.0;
/// Room for the names of groups of bars.
const NAMES: f64 = 170.0;

/// How drawings look: on a ground of their own, for the page around them may be dark
/// where the reader's system is not; in colours that the colour-blind can tell apart.
///
/// Without variables, which browsers know and other programs that show SVG do not.
pub(crate) const STYLE: &str = "\
.plot{font:12px system-ui,sans-serif}.plot .title{font-size:14px;font-weight:600}\
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round}.plot .dashed{stroke-dasharray:5 4}\
.plot .ground{fill:#fff}.plot text{fill:#1f2328}.plot .faint{fill:#59636e}.plot .rule{stroke:#d1d9e0}\
.plot .line.direct{stroke:#d55e00}.plot .fill.direct{fill:#d55e00}\
.plot .line.pooled{stroke:#0072b2}.plot .fill.pooled{fill:#0072b2}\
.plot .line.first{stroke:#e69f00}.plot .fill.first{fill:#e69f00}\
.plot .line.limit{stroke:#009e73}.plot .fill.limit{fill:#009e73}\
@media(prefers-color-scheme:dark){\
.plot .ground{fill:#0d1117}.plot text{fill:#e6edf3}.plot .faint{fill:#9198a1}.plot .rule{stroke:#3d444d}\
.plot .line.direct{stroke:#ff8a3d}.plot .fill.direct{fill:#ff8a3d}\
.plot .line.pooled{stroke:#58a6ff}.plot .fill.pooled{fill:#58a6ff}\
.plot .line.first{stroke:#f2b84b}.plot .fill.first{fill:#f2b84b}\
.plot .line.limit{stroke:#3fbf8f}.plot .fill.limit{fill:#3fbf8f}}";

/// A drawing that stands alone, as a file.
pub(crate) fn alone(plot: &Plot) -> String {
    let style = format!("<style>{STYLE}</style>");
    draw(plot).replacen(
        '>',
        &format!(" xmlns=\"http://www.w3.org/2000/svg\">{style}"),
        1,
    ) + "\n"
}

/// A drawing within a page that has the [`STYLE`].
pub(crate) fn draw(plot: &Plot) -> String {
    match &plot.kind {
        Kind::Bars(bars) => draw_bars(&plot.title, bars),
        Kind::Lines(lines) => draw_lines(&plot.title, lines),
    }
}

/// The frame of a drawing: its size, its title, and what the colours stand for.
fn frame<'n>(
    title: &str,
    height: f64,
    names: impl Iterator<Item = (&'n str, &'static str, bool)>,
) -> String {
    let title = escape(title);
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\
         <text class=\"title\" x=\"8\" y=\"20\">{title}</text>"
    );
    let mut x = 8.0;
    for (name, class, dashed) in names {
        let dashed = if dashed { " dashed" } else { "" };
        let _ = write!(
            svg,
            "<path class=\"line {class}{dashed}\" d=\"M{x} 40h22\" style=\"stroke-width:4\"/>\
             <text x=\"{:.0}\" y=\"44\">{}</text>",
            x + 28.0,
            escape(name)
        );
        x += 50.0 + 6.6 * name.chars().count() as f64;
    }
    svg
}

fn draw_lines(title: &str, lines: &Lines) -> String {
    let height = TOP + LINES_HEIGHT + BOTTOM;
    let names = lines.series.iter();
    let names = names.map(|series| (series.name.as_str(), series.tone.class(), series.dashed));
    let mut svg = frame(title, height, names);
    let points = || lines.series.iter().flat_map(|series| &series.points);
    let x = Span::of(lines.x, points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Span::of(
        lines.y,
        points().map(|point| point.1),
        TOP + LINES_HEIGHT,
        TOP,
    );
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = write!(
            svg,
            "<path class=\"rule\" d=\"M{LEFT} {at:.1}H{:.0}\"/>\
             <text class=\"faint\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            escape(&lines.y.unit.tick(tick))
        );
    }
    for tick in x.ticks() {
        let _ = write!(
            svg,
            "<text class=\"faint\" x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            x.at(tick),
            TOP + LINES_HEIGHT + 18.0,
            escape(&lines.x.unit.tick(tick))
        );
    }
    let _ = write!(
        svg,
        "<text class=\"faint\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
         <text class=\"faint\" x=\"{LEFT}\" y=\"{:.0}\">{}</text>",
        WIDTH - RIGHT,
        height - 10.0,
        escape(&label(lines.x)),
        TOP - 6.0,
        escape(&label(lines.y))
    );
    for series in &lines.series {
        let class = series.tone.class();
        let dashed = if series.dashed { " dashed" } else { "" };
        let place = |point: &(f64, f64)| format!("{:.1} {:.1}", x.at(point.0), y.at(point.1));
        let path: Vec<_> = series.points.iter().map(place).collect();
        let _ = write!(
            svg,
            "<path class=\"line {class}{dashed}\" d=\"M{}\"/>",
            path.join("L")
        );
        for point in &series.points {
            let _ = write!(
                svg,
                "<circle class=\"fill {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}: {}, {}</title></circle>",
                x.at(point.0),
                y.at(point.1),
                escape(&series.name),
                escape(&lines.x.unit.show(point.0)),
                escape(&lines.y.unit.show(point.1))
            );
        }
    }
    svg + "</svg>"
}

/// What an axis tells; a scale that cuts differences short is named.
fn label(axis: Axis) -> String {
    match (axis.label, axis.scale) {
        (label, Scale::Linear | Scale::Nines) => label.to_owned(),
        ("", Scale::Log) => "logarithmic".to_owned(),
        (label, Scale::Log) => format!("{label} (logarithmic)"),
    }
}

fn draw_bars(title: &str, bars: &Bars) -> String {
    let group = BAR * bars.names.len() as f64 + GAP;
    let height = TOP + group * bars.groups.len() as f64 + 8.0;
    let names = bars.names.iter();
    let mut svg = frame(
        title,
        height,
        names.map(|(name, tone)| (name.as_str(), tone.class(), false)),
    );
    let values = bars
        .groups
        .iter()
        .flat_map(|(_, values)| values.iter().flatten().copied());
    let axis = Axis {
        label: "",
        scale: Scale::Log,
        unit: bars.unit,
    };
    // Room for the figure at the end of the longest bar.
    let span = Span::of(axis, values, NAMES, WIDTH - 90.0);
    let _ = write!(
        svg,
        "<text class=\"faint\" x=\"8\" y=\"{:.0}\">{}</text>",
        TOP - 4.0,
        label(axis)
    );
    for tick in span.ticks() {
        let at = span.at(tick);
        let _ = write!(
            svg,
            "<path class=\"rule\" d=\"M{at:.1} {TOP}V{:.0}\"/>\
             <text class=\"faint\" x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            height - 8.0,
            TOP - 4.0,
            escape(&bars.unit.tick(tick))
        );
    }
    for (index, (name, values)) in bars.groups.iter().enumerate() {
        let top = TOP + group * index as f64 + GAP / 2.0;
        let middle = top + (group - GAP) / 2.0 + 4.0;
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 10.0,
            escape(name)
        );
        for (row, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let (y, class) = (top + BAR * row as f64, bars.names[row].1.class());
            let end = span.at(value);
            let _ = write!(
                svg,
                "<path class=\"fill {class}\" d=\"M{NAMES} {y:.1}H{end:.1}v{:.1}H{NAMES}z\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                BAR - 2.0,
                end + 6.0,
                y + BAR - 4.0,
                escape(&bars.unit.show(value))
            );
        }
    }
    svg + "</svg>"
}

/// An axis with its ends, in figures and on paper.
#[derive(Debug)]
struct Span {
    scale: Scale,
    unit: Unit,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Span {
    /// From the first round figure below all values to the first above.
    fn of(axis: Axis, values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = match axis.scale {
            Scale::Linear => {
                let step = step(high.max(1.0), axis.unit);
                (0.0, (high.max(1.0) / step).ceil() * step)
            }
            Scale::Log => {
                let (low, high) = (low.max(1e-3), high.max(1e-3));
                let mut marks = marks(low, high);
                let below = marks.iter().rposition(|mark| *mark <= low).unwrap_or(0);
                marks.drain(..below);
                let above = marks.iter().position(|mark| *mark >= high);
                marks.truncate(above.unwrap_or(1).max(1) + 1);
                (marks[0], marks[marks.len() - 1])
            }
            Scale::Nines => (0.0, 1000.0),
        };
        Self {
            scale: axis.scale,
            unit: axis.unit,
            low,
            high,
            start,
            end,
        }
    }

    /// Where a figure is on paper.
    fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).log10() / (self.high / self.low).log10(),
            // The last two of a thousand are the end.
            Scale::Nines => (1000.0 / (1000.0 - value).max(2.0)).log10() / 500_f64.log10(),
        };
        self.start + share * (self.end - self.start)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high, self.unit);
                let count = (self.high / step).round() as usize;
                (0..=count).map(|index| index as f64 * step).collect()
            }
            Scale::Log => {
                let is_within = |mark: &f64| (self.low..=self.high).contains(mark);
                let marks = marks(self.low, self.high);
                marks.into_iter().filter(is_within).collect()
            }
            Scale::Nines => vec![0.0, 500.0, 750.0, 900.0, 950.0, 980.0, 990.0, 995.0],
        }
    }
}

/// The marks of a logarithmic axis around two figures: whole decades, and 2 and 5 of each
/// where there are but a few.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = (high.log10().ceil() as i32).max(first + 1);
    let of_each: &[f64] = if last - first > 2 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let decades = (first..=last).map(|decade| 10_f64.powi(decade));
    let mut marks: Vec<_> = decades
        .flat_map(|decade| of_each.iter().map(move |part| part * decade))
        .collect();
    marks.truncate(of_each.len() * (last - first) as usize + 1);
    marks
}

/// A round distance between four to ten ticks; a round number of MiB, where they are bytes.
fn step(high: f64, unit: Unit) -> f64 {
    let one = match unit {
        Unit::Bytes => 1024.0 * 1024.0,
        _ => 1.0,
    };
    let decade = 10_f64.powf((high / one).log10().floor());
    one * match high / one / decade {
        part if part <= 2.0 => decade / 5.0,
        part if part <= 5.0 => decade / 2.0,
        _ => decade,
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let mib = 1024.0 * 1024.0;
        assert_eq!(step(429.0 * mib, Unit::Bytes), 50.0 * mib);
        assert_eq!(step(15.0, Unit::Count), 2.0);
        assert_eq!(step(812.0, Unit::Count), 100.0);
    }

    #[test]
    fn a_logarithmic_axis_ends_close_to_its_figures() {
        let ends = |low: f64, high: f64| {
            let axis = Axis {
                label: "",
                scale: Scale::Log,
                unit: Unit::Count,
            };
            let span = Span::of(axis, [low, high].into_iter(), 0.0, 1.0);
            (span.low, span.high, span.ticks().len())
        };
        assert_eq!(ends(1013.0, 5358.0), (1000.0, 10_000.0, 4));
        assert_eq!(ends(1.0, 256.0), (1.0, 1000.0, 4));
        assert_eq!(ends(30.0, 430.0), (20.0, 500.0, 5));
        // A single figure has an axis, too.
        assert_eq!(ends(5.0, 5.0), (5.0, 10.0, 2));
        assert_eq!(ends(1.0, 1.0), (1.0, 2.0, 2));
    }

    #[test]
    fn text_cannot_break_out_of_a_drawing() {
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
