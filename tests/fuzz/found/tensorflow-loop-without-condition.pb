
.
xPlaceholder*
dtype0*
shape:
?
wStatelessWhilex*
bodyR
b*
condR
c*	
T
0

yIdentityw*
T0E
5

b
a
r
nNega*
T0"

rn:y:0



c
a