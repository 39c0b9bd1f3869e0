"""Formulas in plain text are set as the papers print them; settings, names of runs and words are not."""

import pytest

from advkd.artifacts.latex import escape
from advkd.artifacts.mathematics import set_formulas


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("times tau^2.", r"times $\tau^2$."),
        ("alpha_P and alpha_G", r"$\alpha_{P}$ and $\alpha_{G}$"),
        ("1 - alpha_P - alpha_G, 0.7", r"1 - $\alpha_{P}$ - $\alpha_{G}$, 0.7"),
        ("S_(t-1) in the first epoch", "$S_{t-1}$ in the first epoch"),
        ("mode of S_sup", r"mode of $S_{\mathrm{sup}}$"),
        ("L_P or L_BNS", r"$L_{P}$ or $L_{\mathrm{BNS}}$"),
        ("between x and x^: eps", r"between x and $\hat x$: $\varepsilon$"),
        ("10^3 images", "$10^{3}$ images"),
        ("the critic (omega = 0)", r"the critic ($\omega$ = 0)"),
        ("omega/2 of rho", r"$\omega$/2 of $\rho$"),
    ],
)
def test_formulas(text, latex):
    assert set_formulas(text, escape) == latex


@pytest.mark.parametrize(
    "text", ["tau_g", "omega=0.1", "okd+rho=0/seed0", "alphabet", "betas", "rho.py", "the L2 norm", "S_xyz", "x^2"]
)
def test_what_is_no_formula_stays(text):
    assert set_formulas(text, escape) == escape(text)
