"""What an accessibility checker finds on a page (axe-core, WCAG 2.2 AA)."""

from pathlib import Path

from factories.browsers import Visitor

AXE = (Path(__file__).parents[1] / "web" / "vendor" / "axe-4.14.1.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """tags => axe.run(document, {runOnly: tags}).then(found => found.violations.map(
    broken => `${broken.id}: ${broken.nodes.map(node => node.html.slice(0, 160)).join(" | ")}`))"""

AT_REST = "() => document.getAnimations().every(one => one.playState !== 'running' || one.effect.getTiming().iterations > 1)"


def violations(visitor: Visitor) -> list[str]:
    """What the checker finds on the screen as it is, at rest."""
    visitor.page.wait_for_function(AT_REST)
    if not visitor.page.evaluate("'axe' in window"):
        visitor.page.evaluate(AXE)
    found: list[str] = visitor.page.evaluate(RUN, TAGS)
    return found
