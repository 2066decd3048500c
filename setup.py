# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# verl leaves the last four of its runtime needs to its extras; the V1 trainer imports them all.
VERL = ["verl==0.9.1", "TransferQueue==0.1.11", "cachetools", "fastapi", "uvicorn"]

setup(
    name="v05_verl",
    version="0.1.0",
    description="V0.5 for verl: a generalist value model as the prior of sparse RL rollouts (arXiv 2603.10848)",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["v05_verl", "v05_verl.*", "data_prep", "data_prep.*"]),
    package_data={"v05_verl.conf": ["**/*.yaml"]},
    install_requires=[
        *VERL,
        "torch",
        "ray",
        "transformers",
        "pandas",
        "pyarrow",
        "numpy",
        "scipy",
        "scikit-learn",
        "psutil",
        "tqdm",
        "wrapt",
    ],
    extras_require={
        "cpu": ["torch==2.13.0"],
        "vllm": ["verl[vllm]==0.9.1"],
        "math": ["math-verify>=0.8"],
        "report": ["matplotlib", "jinja2"],
        "train": ["tensorboard"],
        "tabpfn": ["tabpfn"],
        "tabicl": ["tabicl"],
        "test": ["pytest", "hypothesis", "pytest-timeout", "ruff", "matplotlib", "jinja2", "math-verify>=0.8"],
    },
    entry_points={"verl.plugins": ["v05 = v05_verl.register"]},
    classifiers=["Programming Language :: Python :: 3", "License :: OSI Approved :: Apache Software License"],
)
