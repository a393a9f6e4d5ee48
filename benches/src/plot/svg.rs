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

/// Colours that the colour-blind can tell apart.
pub(crate) const STYLE: &str = "\
.plot{font:12px system-ui,sans-serif;--ink:#1f2328;--faint:#59636e;--rule:#d1d9e0;\
--direct:#d55e00;--pooled:#0072b2;--first:#e69f00;--limit:#009e73}\
@media(prefers-color-scheme:dark){.plot{--ink:#e6edf3;--faint:#9198a1;--rule:#3d444d;\
--direct:#ff8a3d;--pooled:#58a6ff;--first:#f2b84b;--limit:#3fbf8f}}\
.plot text{fill:var(--ink)}.plot .faint{fill:var(--faint)}.plot .title{font-size:14px;font-weight:600}\
.plot .rule{stroke:var(--rule)}\
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round}.plot .dashed{stroke-dasharray:5 4}\
.plot .direct{--c:var(--direct)}.plot .pooled{--c:var(--pooled)}.plot .first{--c:var(--first)}\
.plot .limit{--c:var(--limit)}\
.plot .line{stroke:var(--c)}.plot .fill{fill:var(--c)}";

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
        escape(lines.x.label),
        TOP - 6.0,
        escape(lines.y.label)
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
                let low = 10_f64.powf(low.max(1e-3).log10().floor());
                (
                    low,
                    (10_f64.powf(high.max(1e-3).log10().ceil())).max(low * 10.0),
                )
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
                let decades = (self.high / self.low).log10().round() as i32;
                (0..=decades)
                    .map(|decade| self.low * 10_f64.powi(decade))
                    .collect()
            }
            Scale::Nines => vec![0.0, 500.0, 750.0, 900.0, 950.0, 980.0, 990.0, 995.0],
        }
    }
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
    fn text_cannot_break_out_of_a_drawing() {
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
