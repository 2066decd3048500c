# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = runpy.run_path(str(ROOT / "v05_verl" / "__init__.py"))["__version__"]
PINS = runpy.run_path(str(ROOT / "v05_verl" / "pins.py"))

# verl leaves the last four of its runtime needs to its extras; the V1 trainer imports them all.
VERL = [f"verl=={PINS['VERL']}", f"TransferQueue=={PINS['TRANSFER_QUEUE']}", "cachetools", "fastapi", "uvicorn"]
MATH = [f"math-verify>={PINS['MATH_VERIFY']}"]
REPORT = ["matplotlib", "jinja2"]

setup(
    name="v05_verl",
    version=VERSION,
    description="V0.5 for verl: a generalist value model as the prior of sparse RL rollouts (arXiv 2603.10848)",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    # Folders of the top level are installed under the project's name: data_prep alone would collide with others'.
    packages=[*find_packages(include=["v05_verl", "v05_verl.*"]), "v05_verl.data_prep", "v05_verl.recipes"],
    package_dir={"v05_verl.data_prep": "data_prep", "v05_verl.recipes": "recipes"},
    package_data={
        "v05_verl.conf": ["**/*.yaml"],
        "v05_verl.recipes": ["*.sh", "*/*.sh", "requirements/*.txt", "README.md"],
    },
    install_requires=[
        *VERL,
        "torch",
        "ray",
        "transformers",
        "datasets",
        "pandas",
        "pyarrow",
        "numpy",
        "scipy",
        "scikit-learn",
        "pydantic",
        "psutil",
        "safetensors",
        "tqdm",
        "wrapt",
    ],
    extras_require={
        "cpu": [f"torch=={PINS['TORCH_CPU']}"],
        "vllm": [f"verl[vllm]=={PINS['VERL']}"],
        "math": MATH,
        "report": REPORT,
        "train": ["tensorboard"],
        "tabpfn": ["tabpfn"],
        "tabicl": ["tabicl"],
        "test": [
            "pytest<9.2",  # 9.2 with pytest-xdist 3.8 ignores xdist_group (pytest-xdist issue 1386)
            "hypothesis",
            "mypy",
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "setuptools",
            *REPORT,
            *MATH,
        ],
    },
    entry_points={"verl.plugins": ["v05 = v05_verl.register"]},
    classifiers=["Programming Language :: Python :: 3", "License :: OSI Approved :: Apache Software License"],
)
