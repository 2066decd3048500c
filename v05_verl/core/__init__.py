# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that decides: pure functions on NumPy arrays, without verl, Ray, configuration or I/O.

Notation of the whole package (the paper's symbol, the name in code):

===========  =================  ==============================================================================
symbol       code               meaning
===========  =================  ==============================================================================
r_i          ``reward``         outcome reward of one rollout, inside ``reward_range = (lo, hi)``
p, mu        ``success_rate``,  true success rate of a prompt and its mean reward, mu = lo + (hi - lo) p
             ``mean_reward``
V            ``prior``          the value model's prediction for the prompt, on the reward scale
k            ``n``              rollouts of this prompt so far
v_k          ``group_mean``     empirical mean reward of the k rollouts
s_max^2      ``noise_scale``    ((hi - lo) / 2)^2, the largest variance of a reward in the range (Popoviciu)
sigma^2      ``sampling_var``   s_max^2 / k, worst-case variance of the group mean
Delta^2      ``prior_bias_sq``  (V - mu)^2, squared error of the prior
w            ``weight``         weight on the group mean
c            ``marginal_cost``  price of one more rollout, in squared-reward units
===========  =================  ==============================================================================
"""
